import type { SandboxId, SandboxRecord, SandboxSpec } from '@opensandbox/core';
import { sandboxId } from '@opensandbox/core';

/** A spec that every driver can run with its defaults, changed where the test cares. */
export function sampleSpec(change: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    source: { kind: 'image', uri: 'sample:latest', auth: undefined },
    entrypoint: ['sleep', '3600'],
    env: [],
    platform: undefined,
    resources: { cpuMillis: undefined, memoryBytes: undefined, gpus: undefined },
    volumes: [],
    resourceLimits: {},
    resourceRequests: {},
    extensions: {},
    accessRenewSeconds: undefined,
    ...change,
  };
}

export function sampleRecord(change: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    id: newSandboxId(),
    spec: sampleSpec(),
    intent: 'run',
    metadata: {},
    createdAt: Date.UTC(2030, 0, 1),
    expiresAt: undefined,
    provisioning: { phase: 'pending' },
    revision: 1,
    ...change,
  };
}

export function newSandboxId(): SandboxId {
  return sandboxId(globalThis.crypto.randomUUID());
}
