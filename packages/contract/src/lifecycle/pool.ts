import { z } from 'zod';
import { integer, text, wireObject } from '../validation/fields.ts';
import { wireSchema } from '../validation/wire-schema.ts';

const count = (description: string) => integer({ min: 0 }).meta({ description });

export const capacitySchema = wireObject({
  bufferMax: count('Most idle sandboxes that are kept ready.'),
  bufferMin: count('Fewest idle sandboxes that are kept ready.'),
  poolMax: count('Most sandboxes of the pool.'),
  poolMin: count('Fewest sandboxes of the pool.'),
});

export const createPoolSchema = wireObject({
  name: text({ max: 253, pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/ }).meta({
    description: 'Name of the pool.',
  }),
  template: z.record(z.string(), z.unknown()).meta({ description: 'Pod template of the sandboxes.' }),
  capacitySpec: capacitySchema.meta({ description: 'How many sandboxes are kept.' }),
});

export const updatePoolSchema = wireObject({
  capacitySpec: capacitySchema.meta({ description: 'How many sandboxes are kept.' }),
});

export const poolBodySchema = z.object({
  name: z.string(),
  capacitySpec: z.object({ bufferMax: z.int(), bufferMin: z.int(), poolMax: z.int(), poolMin: z.int() }),
  status: z
    .object({ total: z.int(), allocated: z.int(), available: z.int(), revision: z.string() })
    .optional(),
  createdAt: z.string().optional().meta({ format: 'date-time' }),
});

export const poolListBodySchema = z.object({ items: z.array(poolBodySchema) });

export type CreatePoolRequest = z.output<typeof createPoolSchema>;
export type UpdatePoolRequest = z.output<typeof updatePoolSchema>;
export type PoolBody = z.output<typeof poolBodySchema>;

export const createPoolRequest = wireSchema<CreatePoolRequest>(createPoolSchema);
export const updatePoolRequest = wireSchema<UpdatePoolRequest>(updatePoolSchema);
