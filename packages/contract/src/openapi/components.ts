import { z } from 'zod';
import {
  createSandboxSchema,
  credentialProxySchema,
  imageAuthSchema,
  imageRequestSchema,
  networkPolicySchema,
  networkRuleSchema,
  platformRequestSchema,
} from '../lifecycle/create-sandbox.ts';
import { diagnosticBodySchema } from '../lifecycle/diagnostics.ts';
import { endpointBodySchema } from '../lifecycle/endpoint.ts';
import {
  errorBodySchema,
  healthBodySchema,
  validationErrorBodySchema,
  validationIssueSchema,
} from '../lifecycle/errors.ts';
import { paginationSchema, sandboxListBodySchema, snapshotListBodySchema } from '../lifecycle/listing.ts';
import { metricsEventSchema } from '../lifecycle/metrics-event.ts';
import {
  capacitySchema,
  createPoolSchema,
  poolBodySchema,
  poolListBodySchema,
  updatePoolSchema,
} from '../lifecycle/pool.ts';
import {
  createSandboxBodySchema,
  imageBodySchema,
  patchMetadataSchema,
  platformBodySchema,
  renewBodySchema,
  renewSchema,
  sandboxBodySchema,
  sandboxStateSchema,
  sandboxStatusSchema,
} from '../lifecycle/sandbox.ts';
import {
  createSnapshotSchema,
  snapshotBodySchema,
  snapshotStateSchema,
  snapshotStatusSchema,
} from '../lifecycle/snapshot.ts';
import { hostVolumeSchema, ossfsVolumeSchema, pvcVolumeSchema, volumeSchema } from '../lifecycle/volume.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const COMPONENTS = {
  CreateSandboxRequest: createSandboxSchema,
  CreateSandboxResponse: createSandboxBodySchema,
  Sandbox: sandboxBodySchema,
  SandboxState: sandboxStateSchema,
  SandboxStatus: sandboxStatusSchema,
  ListSandboxesResponse: sandboxListBodySchema,
  PaginationInfo: paginationSchema,
  ImageSpec: imageRequestSchema,
  ImageAuth: imageAuthSchema,
  Image: imageBodySchema,
  PlatformSpec: platformRequestSchema,
  Platform: platformBodySchema,
  NetworkPolicy: networkPolicySchema,
  NetworkRule: networkRuleSchema,
  CredentialProxyConfig: credentialProxySchema,
  Volume: volumeSchema,
  Host: hostVolumeSchema,
  PVC: pvcVolumeSchema,
  OSSFS: ossfsVolumeSchema,
  PatchSandboxMetadataRequest: patchMetadataSchema,
  RenewSandboxExpirationRequest: renewSchema,
  RenewSandboxExpirationResponse: renewBodySchema,
  Endpoint: endpointBodySchema,
  CreateSnapshotRequest: createSnapshotSchema,
  Snapshot: snapshotBodySchema,
  SnapshotState: snapshotStateSchema,
  SnapshotStatus: snapshotStatusSchema,
  ListSnapshotsResponse: snapshotListBodySchema,
  DiagnosticContentResponse: diagnosticBodySchema,
  CreatePoolRequest: createPoolSchema,
  UpdatePoolRequest: updatePoolSchema,
  PoolCapacity: capacitySchema,
  Pool: poolBodySchema,
  ListPoolsResponse: poolListBodySchema,
  MetricsEvent: metricsEventSchema,
  ErrorResponse: errorBodySchema,
  ValidationErrorResponse: validationErrorBodySchema,
  ValidationIssue: validationIssueSchema,
  Health: healthBodySchema,
} as const;

export type ComponentName = keyof typeof COMPONENTS;

export function reference(name: ComponentName): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

/** Every schema of the API by its name. */
export function componentSchemas(): JsonObject {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(COMPONENTS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
    override: tidy,
  });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withoutAddress(schema)]));
}

/** The JSON schema of one query parameter object. */
export function plainSchema(schema: z.ZodType): JsonObject {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: tidy,
  });
}

interface Overridden {
  readonly zodSchema: z.core.$ZodTypes;
  readonly jsonSchema: z.core.JSONSchema.BaseSchema;
}

/**
 * Drops what says nothing (the bounds of the number type, that member names are texts), and brings back the
 * defaults and examples that the generator leaves out where an input is transformed.
 */
function tidy({ zodSchema, jsonSchema }: Overridden): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  delete jsonSchema.propertyNames;
  const { def } = zodSchema._zod;
  if (def.type === 'default') jsonSchema.default = def.defaultValue;
  const examples = z.globalRegistry.get(zodSchema)?.['examples'];
  if (Array.isArray(examples)) jsonSchema['examples'] = examples;
}

function withoutAddress(schema: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema' && name !== '$id'));
}
