import { z } from 'zod';
import { boolean, integer, nullable, text, textMap, whenClean, wireObject } from '../validation/fields.ts';
import { wireSchema } from '../validation/wire-schema.ts';
import { volumeSchema } from './volume.ts';

export const imageAuthSchema = wireObject({
  username: text().meta({ description: 'User of the registry.' }),
  password: text().meta({ description: 'Password or token of the registry. Never shown again.' }),
});

export const imageRequestSchema = wireObject({
  uri: text().meta({ description: 'Reference of the image, such as `python:3.11`.' }),
  auth: nullable(imageAuthSchema).meta({ description: 'Credentials for a private registry.' }),
});

export const platformRequestSchema = wireObject({
  os: text().meta({ description: '`linux` or `windows`.', examples: ['linux'] }),
  arch: text().meta({ description: '`amd64` or `arm64`.', examples: ['amd64'] }),
});

export const networkRuleSchema = wireObject({
  action: text().meta({ description: '`allow` or `deny`.' }),
  target: text({ min: 1 }).meta({ description: 'Domain name or wildcard, such as `*.example.com`.' }),
});

export const networkPolicySchema = wireObject({
  defaultAction: nullable(text()).meta({
    description: 'What happens when no rule matches. `deny` if absent.',
  }),
  egress: z.array(networkRuleSchema).default([]).meta({ description: 'Rules, tried in order.' }),
});

export const credentialProxySchema = wireObject({
  enabled: boolean()
    .default(false)
    .meta({ description: 'Starts the credential vault. Needs a networkPolicy.' }),
});

function isBlank(value: string | undefined): boolean {
  return value === undefined || value.trim() === '';
}

interface Draft {
  readonly image: { readonly uri: string } | undefined;
  readonly snapshotId: string | undefined;
  readonly extensions: Readonly<Record<string, string>> | undefined;
}

function hasImage(draft: Draft): boolean {
  return !isBlank(draft.image?.uri);
}

function hasSnapshot(draft: Draft): boolean {
  return !isBlank(draft.snapshotId);
}

function usesPool(draft: Draft): boolean {
  return !isBlank(draft.extensions?.['poolRef']);
}

export const createSandboxSchema = wireObject({
  image: nullable(imageRequestSchema).meta({ description: 'The image to start. Excludes `snapshotId`.' }),
  snapshotId: nullable(text()).meta({ description: 'The snapshot to restore. Excludes `image`.' }),
  platform: nullable(platformRequestSchema).meta({ description: 'Platform that the sandbox must run on.' }),
  timeout: nullable(integer({ min: 60 })).meta({
    description: 'Seconds until the sandbox ends by itself. Absent or null: it runs until it is deleted.',
  }),
  resourceLimits: nullable(textMap()).meta({
    description: 'Upper bounds as Kubernetes quantities: `cpu`, `memory`, `gpu`. Required without a pool.',
    examples: [{ cpu: '500m', memory: '512Mi' }],
  }),
  resourceRequests: nullable(textMap()).meta({
    description: 'Guaranteed minimums as Kubernetes quantities. Ignored by Docker.',
  }),
  env: nullable(z.record(text(), nullable(text()))).meta({
    description: 'Environment of the sandbox. An entry with value null is left out.',
  }),
  metadata: nullable(textMap()).meta({
    description: 'Labels to find the sandbox by; keys and values follow the rules of Kubernetes labels.',
    examples: [{ project: 'data-processing', team: 'ml' }],
  }),
  entrypoint: nullable(z.array(text()).min(1)).meta({
    description: 'Command of the main process. Required with `image`.',
    examples: [['python', '/app/main.py']],
  }),
  networkPolicy: nullable(networkPolicySchema).meta({ description: 'What the sandbox may reach.' }),
  credentialProxy: nullable(credentialProxySchema).meta({ description: 'Settings of the credential vault.' }),
  secureAccess: boolean()
    .default(false)
    .meta({ description: 'Guards the endpoints of the sandbox with a token (Kubernetes gateway only).' }),
  volumes: nullable(z.array(volumeSchema)).meta({ description: 'Storage to mount.' }),
  extensions: nullable(textMap()).meta({
    description:
      'Settings outside the core API, returned as given. `poolRef` takes the sandbox from a pool; `access.renew.extend.seconds` (300 to 86400) prolongs it on access.',
  }),
})
  .refine(
    (draft) => !(usesPool(draft) && hasSnapshot(draft)),
    whenClean('snapshotId cannot be used together with poolRef.'),
  )
  .refine(
    (draft) => !(usesPool(draft) && draft.credentialProxy?.enabled === true),
    whenClean('credentialProxy.enabled cannot be used together with poolRef.'),
  )
  .refine(
    (draft) => draft.credentialProxy?.enabled !== true || draft.networkPolicy !== undefined,
    whenClean('credentialProxy.enabled requires networkPolicy.'),
  )
  .refine(
    (draft) => usesPool(draft) || hasImage(draft) !== hasSnapshot(draft),
    whenClean('Exactly one of image or snapshotId must be provided.'),
  )
  .refine(
    (draft) => usesPool(draft) || !hasImage(draft) || draft.entrypoint !== undefined,
    whenClean('Entrypoint is required when image is provided.'),
  )
  .refine(
    (draft) => usesPool(draft) || draft.resourceLimits !== undefined,
    whenClean('resourceLimits is required when poolRef is not provided.'),
  );

export type CreateSandboxRequest = z.output<typeof createSandboxSchema>;
export const createSandboxRequest = wireSchema<CreateSandboxRequest>(createSandboxSchema);
