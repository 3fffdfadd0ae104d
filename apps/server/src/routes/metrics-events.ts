import { parseMetricsEvent } from '../wire/index.ts';
import { parseSdkAgent } from './sdk-agent.ts';
import { type Routes, jsonBody } from './route.ts';

const BODY_LIMIT_BYTES = 4096;

/**
 * What SDKs tell about their creates. Answered at once and with nothing: a client that closes waits for this
 * answer. Neither a redirect nor an error ever depends on what is done with the event.
 */
export const metricsEventRoutes: Routes = ({ log, telemetry }) => [
  {
    method: 'POST',
    path: '/metrics/events',
    bodyLimitBytes: BODY_LIMIT_BYTES,
    handle: (request, reply) => {
      const event = parseMetricsEvent(jsonBody(request));
      void reply.code(204).send();
      if (event.eventType !== 'sandbox.create') return;
      const agent = parseSdkAgent(request.headers['user-agent']);
      const seconds = Number(event.createDurationMs) / 1000;
      telemetry?.sdkCreated({ language: agent.language, success: event.success, seconds });
      log.debug('sdk.sandbox_created', {
        ...agent,
        durationMs: Number(event.createDurationMs),
        success: event.success,
        sandboxId: event.sandboxId,
      });
    },
  },
];
