import { z } from 'zod';
import { section } from '../fields.ts';

export const metricsSection = section({
  enabled: z.boolean().default(true).describe('Serve metrics for Prometheus at /metrics.'),
  public: z
    .boolean()
    .default(false)
    .describe(
      'Whether /metrics is served without the API key. Prometheus can send the key as a bearer token.',
    ),
});
