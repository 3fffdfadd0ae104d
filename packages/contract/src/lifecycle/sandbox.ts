import { z } from 'zod';
import type { Instant } from '../timestamp.ts';
import { dateTime, nullable, text, wireObject } from '../validation/fields.ts';
import { wireSchema } from '../validation/wire-schema.ts';

/** Bodies that the server sends. Members that have no value are absent, never null. */

const time = (description: string) => z.string().meta({ format: 'date-time', description });
const labels = (description: string) => z.record(z.string(), z.string()).meta({ description });

export const imageBodySchema = z.object({
  uri: z.string().meta({ description: 'Reference of the image.' }),
});

export const platformBodySchema = z.object({
  os: z.string().meta({ description: '`linux` or `windows`.' }),
  arch: z.string().meta({ description: '`amd64` or `arm64`.' }),
});

export const sandboxStateSchema = z.string().meta({
  description:
    'Pending (being made), Running, Pausing, Paused, Resuming, Stopping, Terminated (its process ended well), Failed, Unknown. More may come; clients let unknown values pass.',
});

export const sandboxStatusSchema = z.object({
  state: sandboxStateSchema,
  reason: z.string().optional().meta({ description: 'Short word for programs.' }),
  message: z.string().optional().meta({ description: 'One sentence for people.' }),
  lastTransitionAt: time('When the state changed last.').optional(),
});

const sharedMembers = {
  platform: platformBodySchema.optional().meta({ description: 'The platform that was asked for.' }),
  status: sandboxStatusSchema.meta({ description: 'State of the sandbox.' }),
  metadata: labels('Labels of the sandbox.').optional(),
  entrypoint: z.array(z.string()).meta({ description: 'Command of the main process.' }),
  extensions: labels('The extensions of the create request.').optional(),
  expiresAt: time('When the sandbox ends by itself. Absent: never.').optional(),
  createdAt: time('When the sandbox was asked for.'),
};

export const createSandboxBodySchema = z.object({
  id: z.string().meta({ description: 'Identifier of the sandbox.' }),
  ...sharedMembers,
});

export const sandboxBodySchema = z.object({
  id: z.string().meta({ description: 'Identifier of the sandbox.' }),
  image: imageBodySchema.optional().meta({ description: 'The image it was made from.' }),
  snapshotId: z.string().optional().meta({ description: 'The snapshot it was restored from.' }),
  ...sharedMembers,
});

export const renewSchema = wireObject({
  expiresAt: dateTime().meta({ description: 'New end of the sandbox. It lies in the future.' }),
});

export const renewBodySchema = z.object({ expiresAt: time('New end of the sandbox.') });

export const patchMetadataSchema = z.record(text(), nullable(text()));

export type SandboxBody = z.output<typeof sandboxBodySchema>;
export type CreateSandboxBody = z.output<typeof createSandboxBodySchema>;
export type SandboxStatusBody = z.output<typeof sandboxStatusSchema>;
export type RenewBody = z.output<typeof renewBodySchema>;

export interface RenewRequest {
  readonly expiresAt: Instant;
}
/** A merge patch: `undefined` deletes the key. */
export type PatchMetadataRequest = Readonly<Record<string, string | undefined>>;

export const renewRequest = wireSchema<RenewRequest>(renewSchema);
export const patchMetadataRequest = wireSchema<PatchMetadataRequest>(patchMetadataSchema);
