import { EXPOSITION_TYPE } from '@opensandbox/telemetry';
import type { AppDeps } from '../app-options.ts';
import { METRICS_PATH } from '../auth.ts';
import type { Route } from './route.ts';

/** For Prometheus. There is no such path where metrics are switched off. */
export function metricsRoutes({ options, telemetry }: AppDeps): readonly Route[] {
  if (options.metrics === undefined || telemetry === undefined) return [];
  return [
    {
      method: 'GET',
      path: METRICS_PATH,
      handle: async (_request, reply) => {
        const text = await telemetry.exposition();
        void reply.header('content-type', EXPOSITION_TYPE).send(text);
      },
    },
  ];
}
