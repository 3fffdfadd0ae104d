import { Hono } from 'hono';
import { agentFault, emptyResponse } from '../error-envelope.ts';
import { interruptOwner } from '../interrupt.ts';
import type { Interruptible } from '../interrupt.ts';

/** One handler under two paths: clients use either for every kind of id. */
export function interruptRoutes(owners: readonly Interruptible[]): Hono {
  const routes = new Hono();
  // Goes on when the client hangs up: a process that ignores TERM must still get its KILL.
  const toTheEnd = new AbortController().signal;
  for (const path of ['/command', '/code']) {
    routes.delete(path, async (context) => {
      const id = context.req.query('id');
      if (id === undefined || id === '') {
        throw agentFault('invalid', 'MISSING_QUERY', "missing query parameter 'id'");
      }
      await interruptOwner(owners, id, toTheEnd);
      return emptyResponse();
    });
  }
  return routes;
}
