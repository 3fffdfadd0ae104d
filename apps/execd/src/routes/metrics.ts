import type { Clock, Scope } from '@opensandbox/base';
import { Hono } from 'hono';
import { jsonResponse } from '../error-envelope.ts';
import type { TextStream } from '../events/text-stream.ts';
import { openTextStream, streamResponse } from '../events/text-stream.ts';
import { sampleMetrics } from '../metrics/sample-metrics.ts';

export interface MetricsDeps {
  readonly clock: Clock;
  readonly scope: Scope;
}

export function metricsRoutes(deps: MetricsDeps): Hono {
  const routes = new Hono();
  routes.get('/metrics', async (context) => {
    return jsonResponse(await sampleMetrics(deps.clock, context.req.raw.signal));
  });
  routes.get('/metrics/watch', (context) => {
    const stream = openTextStream(context.req.raw.signal);
    deps.scope.run('metrics.watch', () => watch(deps, stream));
    return streamResponse(stream);
  });
  return routes;
}

/** One reading a second, each followed by an empty line, until the client leaves. */
async function watch(deps: MetricsDeps, stream: TextStream): Promise<void> {
  try {
    while (!stream.gone.aborted) {
      const metrics = await sampleMetrics(deps.clock, stream.gone);
      await stream.write(`${JSON.stringify(metrics)}\n\n`);
    }
  } catch (error) {
    if (!stream.gone.aborted) await stream.write(`${JSON.stringify({ error: String(error) })}\n\n`);
  } finally {
    stream.end();
  }
}
