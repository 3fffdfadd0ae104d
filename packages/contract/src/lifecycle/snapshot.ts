import { z } from 'zod';
import { nullable, text, wireObject } from '../validation/fields.ts';
import { wireSchema } from '../validation/wire-schema.ts';

export const createSnapshotSchema = nullable(
  wireObject({ name: nullable(text({ min: 1 })).meta({ description: 'Name for people.' }) }),
);

export const snapshotStateSchema = z.string().meta({
  description: 'Creating, Deleting, Ready or Failed. More may come; clients let unknown values pass.',
});

export const snapshotStatusSchema = z.object({
  state: snapshotStateSchema,
  reason: z.string().optional().meta({ description: 'Short word for programs.' }),
  message: z.string().optional().meta({ description: 'One sentence for people.' }),
  lastTransitionAt: z.string().optional().meta({ format: 'date-time', description: 'When it changed last.' }),
});

export const snapshotBodySchema = z.object({
  id: z.string().meta({ description: 'Identifier of the snapshot.' }),
  sandboxId: z.string().meta({ description: 'The sandbox it was taken of.' }),
  name: z.string().optional().meta({ description: 'Name for people.' }),
  status: snapshotStatusSchema.meta({ description: 'State of the snapshot.' }),
  createdAt: z.string().meta({ format: 'date-time', description: 'When it was asked for.' }),
});

export interface CreateSnapshotRequest {
  readonly name: string | undefined;
}
export type SnapshotBody = z.output<typeof snapshotBodySchema>;

/** `undefined`: no body was sent, which is fine. */
export const createSnapshotRequest = wireSchema<CreateSnapshotRequest | undefined>(createSnapshotSchema);
