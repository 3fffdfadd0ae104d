import { Hono } from 'hono';
import { agentFault, jsonResponse } from '../error-envelope.ts';

/** Routes this agent knows and does not serve. Clients read a reason in JSON and never a bare 404. */
export function notOfferedRoutes(): Hono {
  const routes = new Hono();
  const patterns = [
    '/session',
    '/session/:id',
    '/session/:id/run',
    '/pty',
    '/pty/:id',
    '/pty/:id/ws',
    '/code/context',
    '/code/contexts',
    '/code/contexts/:id',
  ];
  for (const pattern of patterns) {
    routes.all(pattern, () => {
      throw agentFault('unsupported', 'NOT_SUPPORTED', 'this agent does not offer this operation');
    });
  }
  return routes;
}

const ISOLATION_UNAVAILABLE = 'isolation unavailable';

/** Isolated sessions: there is no isolator, and nothing is ever run without one in its place. */
export function isolatedRoutes(): Hono {
  const routes = new Hono();
  routes.get('/v1/isolated/capabilities', () => {
    return jsonResponse({
      available: false,
      isolator: 'bwrap',
      message: ISOLATION_UNAVAILABLE,
      setpriv_available: false,
      userns_available: false,
      commit_supported: false,
      diff_supported: false,
    });
  });
  routes.all('/v1/isolated/*', () => {
    throw agentFault('unavailable', 'SERVICE_UNAVAILABLE', ISOLATION_UNAVAILABLE);
  });
  return routes;
}
