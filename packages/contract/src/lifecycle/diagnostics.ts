import { z } from 'zod';
import { integer, queryObject, text } from '../validation/fields.ts';
import { wireSchema } from '../validation/wire-schema.ts';

const scope = text()
  .optional()
  .meta({
    description:
      'Source of the text: `container`, `lifecycle`, `runtime`, `network`, `process` or `all`. The answer is a ' +
      'descriptor then; without it, plain text in a form that is deprecated.',
  });
const tail = (lines: number) =>
  integer({ min: 1, max: 10_000 }).default(lines).meta({ description: 'Number of lines from the end.' });
const limit = (events: number) =>
  integer({ min: 1, max: 500 }).default(events).meta({ description: 'Number of events.' });

export const diagnosticLogsQuerySchema = queryObject({
  scope,
  tail: tail(100),
  since: text().optional().meta({
    description:
      'Age of the oldest line: a number and s, m, h or d, such as `10m`. Anything else means ten minutes.',
  }),
});
export const diagnosticEventsQuerySchema = queryObject({ scope, limit: limit(50) });
export const diagnosticSummaryQuerySchema = queryObject({ tail: tail(50), event_limit: limit(20) });

/** The descriptor of a diagnostic text. */
export const diagnosticBodySchema = z.object({
  sandboxId: z.string(),
  kind: z.enum(['logs', 'events']),
  scope: z.string(),
  delivery: z.enum(['inline', 'url']),
  contentType: z.string(),
  content: z.string().optional(),
  contentUrl: z.string().optional(),
  expiresAt: z.string().optional().meta({ format: 'date-time' }),
  contentLength: z.int().min(0).optional(),
  truncated: z.boolean(),
  warnings: z.array(z.string()).optional(),
});

export type DiagnosticBody = z.output<typeof diagnosticBodySchema>;
export type DiagnosticLogsQuery = z.output<typeof diagnosticLogsQuerySchema>;
export type DiagnosticEventsQuery = z.output<typeof diagnosticEventsQuerySchema>;
export type DiagnosticSummaryQuery = z.output<typeof diagnosticSummaryQuerySchema>;

export const diagnosticLogsQuery = wireSchema<DiagnosticLogsQuery>(diagnosticLogsQuerySchema);
export const diagnosticEventsQuery = wireSchema<DiagnosticEventsQuery>(diagnosticEventsQuerySchema);
export const diagnosticSummaryQuery = wireSchema<DiagnosticSummaryQuery>(diagnosticSummaryQuerySchema);
