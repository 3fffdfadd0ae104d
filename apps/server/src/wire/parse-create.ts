import { Fault, Secret } from '@opensandbox/base';
import type { CreateSandboxRequest } from '@opensandbox/contract';
import { createSandboxRequest, validate } from '@opensandbox/contract';
import type { CreateSandbox, ImageSource, SandboxSpec } from '@opensandbox/core';
import type { CreatePolicy } from './create-policy.ts';
import { parseAccessRenew, refusePool } from './parse-extensions.ts';
import { parsePlatform } from './parse-platform.ts';
import { parseResources } from './parse-resources.ts';
import { refuseFeatures } from './refuse-features.ts';

export interface ParsedCreate {
  readonly request: CreateSandbox;
  /** As sent, for the answer; undefined when it was not. */
  readonly metadata: Readonly<Record<string, string>> | undefined;
}

/** A create request in domain terms. Checks what needs neither the engine nor the store, first problem first. */
export function parseCreate(body: unknown, policy: CreatePolicy): ParsedCreate {
  const raw = validate(createSandboxRequest, body, 'body');
  const extensions = raw.extensions ?? {};
  const accessRenewSeconds = parseAccessRenew(extensions);
  refusePool(extensions);
  const source = parseSource(raw);
  const platform = parsePlatform(raw.platform);
  refuseFeatures(raw, policy);
  const resourceLimits = raw.resourceLimits ?? {};
  const spec: SandboxSpec = {
    source,
    entrypoint: raw.entrypoint ?? [],
    env: parseEnv(raw.env ?? {}),
    platform,
    resources: parseResources(resourceLimits),
    resourceLimits,
    resourceRequests: raw.resourceRequests ?? {},
    extensions,
    accessRenewSeconds,
  };
  return {
    request: { spec, metadata: raw.metadata ?? {}, timeoutSeconds: raw.timeout },
    metadata: raw.metadata,
  };
}

function parseSource(raw: CreateSandboxRequest): ImageSource {
  if (raw.image !== undefined && raw.image.uri.trim() !== '') {
    const { uri, auth } = raw.image;
    const secret = auth && { username: auth.username, password: new Secret(auth.password) };
    return { kind: 'image', uri, auth: secret };
  }
  throw new Fault('not_found', 'snapshot.not_found', `Snapshot ${raw.snapshotId ?? ''} not found`);
}

function parseEnv(env: Readonly<Record<string, string | undefined>>): SandboxSpec['env'] {
  return Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
}
