import type { z } from 'zod';
import { boolean, integer, nullable, text, wireObject } from '../validation/fields.ts';
import { wireSchema } from '../validation/wire-schema.ts';

/** Any `eventType` passes: a newer client may know more events than this server, and loses nothing by telling. */
export const metricsEventSchema = wireObject({
  eventType: text().meta({ description: 'What happened: `sandbox.create`. Others are dropped.' }),
  sandboxId: nullable(text()).meta({ description: 'The sandbox, when it got an identifier.' }),
  image: nullable(text()).meta({ description: 'The image or snapshot it was made from.' }),
  createDurationMs: integer({ min: 0 }).meta({ description: 'Time until it was ready or had failed.' }),
  success: boolean().meta({ description: 'Whether it became ready.' }),
});

export type MetricsEventRequest = z.output<typeof metricsEventSchema>;
export const metricsEventRequest = wireSchema<MetricsEventRequest>(metricsEventSchema);
