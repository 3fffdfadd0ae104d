import type { FastifyRequest } from 'fastify';
import { Fault } from '@opensandbox/base';
import { parseCreatePool, parseUpdatePool } from '../wire/index.ts';
import { type Route, type Routes, jsonBody } from './route.ts';

const POOL_ROUTES: readonly {
  readonly method: Route['method'];
  readonly path: string;
  readonly check?: (body: unknown) => unknown;
}[] = [
  { method: 'POST', path: '/pools', check: parseCreatePool },
  { method: 'GET', path: '/pools' },
  { method: 'GET', path: '/pools/:name' },
  { method: 'PUT', path: '/pools/:name', check: parseUpdatePool },
  { method: 'DELETE', path: '/pools/:name' },
];

/** Pools belong to Kubernetes. A body that is wrong anyway is refused for that first. */
export const poolRoutes: Routes = () =>
  POOL_ROUTES.map(({ method, path, check }) => ({
    method,
    path,
    handle: (request: FastifyRequest) => {
      check?.(jsonBody(request));
      throw new Fault(
        'unsupported',
        'pool.unsupported',
        "Pool management is only available when runtime.type is 'kubernetes'.",
      );
    },
  }));
