import { z } from 'zod';
import { secretText, section, wholeNumber } from '../fields.ts';

export const renewIntentSection = section({
  enabled: z.boolean().default(false).describe('Prolong sandboxes that asked for it when they are accessed.'),
  min_interval_seconds: wholeNumber(1)
    .default(60)
    .describe('Shortest time between two prolongations of one sandbox.'),
  redis: section({
    enabled: z.boolean().default(false).describe('Take renew intents from a Redis list.'),
    dsn: secretText()
      .optional()
      .describe('redis://, rediss:// or unix:// address of Redis; needed when redis.enabled is true.'),
    queue_key: z.string().min(1).default('opensandbox:renew:intent').describe('Name of the Redis list.'),
    consumer_concurrency: wholeNumber(1)
      .default(8)
      .describe('Connections to Redis, and how many sandboxes are prolonged at once.'),
  })
    .prefault({})
    .describe('Where a gateway leaves renew intents.'),
});
