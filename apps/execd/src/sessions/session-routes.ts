import type { Clock, Logger, Scope } from '@opensandbox/base';
import { Hono } from 'hono';
import { emptyResponse, jsonResponse } from '../error-envelope.ts';
import { runtimeError } from '../events/agent-event.ts';
import { openEventStream } from '../events/event-stream.ts';
import type { EventStream } from '../events/event-stream.ts';
import { readJsonBody, readOptionalJsonBody } from '../json-body.ts';
import { parseSessionRequest, parseSessionRunRequest, SESSION_PARSE_PREFIX } from './session-request.ts';
import type { SessionRun } from './session-run.ts';
import type { Sessions } from './sessions.ts';

export interface SessionRouteDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly scope: Scope;
  readonly sessions: Sessions;
}

export function sessionRoutes(deps: SessionRouteDeps): Hono {
  const { clock, log, scope, sessions } = deps;
  const routes = new Hono();

  routes.post('/session', async (context) => {
    const body = await readOptionalJsonBody(context.req.raw, SESSION_PARSE_PREFIX);
    return jsonResponse({ session_id: sessions.create(parseSessionRequest(body)) });
  });

  routes.post('/session/:id/run', async (context) => {
    const request = parseSessionRunRequest(await readJsonBody(context.req.raw, SESSION_PARSE_PREFIX));
    const run = await sessions.run(context.req.param('id'), request);
    const stream = openEventStream(clock, context.req.raw.signal);
    scope.run('session.run', () => tell(log, run, stream));
    return stream.response;
  });

  routes.delete('/session/:id', (context) => {
    sessions.delete(context.req.param('id'));
    return emptyResponse();
  });
  return routes;
}

async function tell(log: Logger, run: SessionRun, stream: EventStream): Promise<void> {
  try {
    await run.tell(stream);
  } catch (error) {
    log.error('session.stream_failed', { error });
    await stream.send(runtimeError('the output of the run could not be read'));
  } finally {
    stream.end();
  }
}
