import { Fault } from '@opensandbox/base';
import type { Route } from './route.ts';

const HEALTHY = Buffer.from(JSON.stringify({ status: 'healthy' }));

export function healthRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/health',
      handle: (_request, reply) => void reply.header('content-type', 'application/json').send(HEALTHY),
    },
  ];
}

export function routeNotFound(): Fault {
  return new Fault('not_found', 'route.not_found', 'Not Found');
}

export function methodNotAllowed(): Fault {
  return new Fault('invalid', 'route.method_not_allowed', 'Method Not Allowed');
}
