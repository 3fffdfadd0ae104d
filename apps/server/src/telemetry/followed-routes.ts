import type { Route } from '../routes/route.ts';
import type { HttpTelemetry } from './server-telemetry.ts';

/** What a handler starts belongs to the trace of its request, a creation in the background too. */
export function followedRoutes(
  routes: readonly Route[],
  telemetry: HttpTelemetry | undefined,
): readonly Route[] {
  if (telemetry === undefined || !telemetry.isTracing) return routes;
  return routes.map((route) => ({
    ...route,
    handle: (request, reply) => telemetry.trackOf(request.raw).within(() => route.handle(request, reply)),
  }));
}
