import { Fault, Secret } from '@opensandbox/base';
import type { CreateSandboxRequest } from '@opensandbox/contract';
import { createSandboxRequest, validate } from '@opensandbox/contract';
import type { CreateSandbox, ImageSource, SandboxSpec } from '@opensandbox/core';
import type { CreatePolicy } from './create-policy.ts';
import { parseAccessRenew, refusePool } from './parse-extensions.ts';
import { parsePlatform } from './parse-platform.ts';
import { parseResources } from './parse-resources.ts';
import { parseVolumes } from './parse-volumes.ts';
import { refuseFeatures } from './refuse-features.ts';

export interface ParsedCreate {
  readonly request: CreateSandbox;
  /** As sent, for the answer; undefined when it was not. */
  readonly metadata: Readonly<Record<string, string>> | undefined;
}

/** What a restored sandbox runs when nothing was asked for: nothing, until somebody uses it. */
const IDLE = ['tail', '-f', '/dev/null'];

/** The image that a snapshot restores from. Throws the Fault of a snapshot that is not there or not ready. */
export type ImageOf = (snapshotId: string) => string;

/** A create request in domain terms. Checks what needs neither the engine nor the store, first problem first. */
export function parseCreate(
  body: unknown,
  policy: CreatePolicy,
  imageOf: ImageOf = unknownSnapshot,
): ParsedCreate {
  const raw = validate(createSandboxRequest, body, 'body');
  const extensions = raw.extensions ?? {};
  const accessRenewSeconds = parseAccessRenew(extensions);
  refusePool(extensions);
  const source = parseSource(raw, imageOf);
  const platform = parsePlatform(raw.platform);
  refuseFeatures(raw, policy);
  const resourceLimits = raw.resourceLimits ?? {};
  const resourceRequests = raw.resourceRequests ?? {};
  const spec: SandboxSpec = {
    source,
    entrypoint: raw.entrypoint ?? (source.kind === 'snapshot' ? IDLE : []),
    env: parseEnv(raw.env ?? {}),
    platform,
    resources: parseResources(resourceLimits, resourceRequests),
    volumes: parseVolumes(raw.volumes ?? []),
    resourceLimits,
    resourceRequests,
    extensions,
    accessRenewSeconds,
  };
  return {
    request: { spec, metadata: raw.metadata ?? {}, timeoutSeconds: raw.timeout },
    metadata: raw.metadata,
  };
}

function parseSource(raw: CreateSandboxRequest, imageOf: ImageOf): ImageSource {
  if (raw.image !== undefined && raw.image.uri.trim() !== '') {
    const { uri, auth } = raw.image;
    const secret = auth && { username: auth.username, password: new Secret(auth.password) };
    return { kind: 'image', uri, auth: secret };
  }
  const snapshotId = raw.snapshotId ?? '';
  return { kind: 'snapshot', snapshotId, image: imageOf(snapshotId) };
}

function unknownSnapshot(id: string): never {
  throw new Fault('not_found', 'snapshot.not_found', `Snapshot ${id} not found`);
}

function parseEnv(env: Readonly<Record<string, string | undefined>>): SandboxSpec['env'] {
  return Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
}
