import { Fault, Secret } from '@opensandbox/base';
import type { ImageSource, SandboxRecord, SandboxSpec } from '@opensandbox/core/ports';

/** The only place where a registry password is written in clear: the file is private, and only while it is needed. */
export function formatRecord(record: SandboxRecord): string {
  return JSON.stringify({ ...record, spec: { ...record.spec, source: formatSource(record.spec.source) } });
}

function formatSource(source: ImageSource): unknown {
  if (source.kind !== 'image' || source.auth === undefined) return source;
  return { ...source, auth: { username: source.auth.username, password: source.auth.password.reveal() } };
}

/** The reverse. Absent keys come back as `undefined`: JSON has no word for it. */
export function parseRecord(id: string, body: string): SandboxRecord {
  let stored: StoredRecord;
  try {
    stored = JSON.parse(body) as StoredRecord;
    return {
      ...stored,
      spec: {
        ...stored.spec,
        source: parseSource(stored.spec.source),
        platform: stored.spec.platform,
        resources: {
          cpuMillis: stored.spec.resources.cpuMillis,
          memoryBytes: stored.spec.resources.memoryBytes,
          gpus: stored.spec.resources.gpus,
        },
        accessRenewSeconds: stored.spec.accessRenewSeconds,
      },
      expiresAt: stored.expiresAt,
    };
  } catch (cause) {
    const message =
      `The stored record of sandbox ${id} cannot be read. Restore the database from a backup, or delete the ` +
      'row from the table sandbox_records: a sandbox that still runs is then adopted again.';
    throw new Fault('internal', 'store.failed', message, { cause });
  }
}

type StoredAuth = { readonly username: string; readonly password: string } | undefined;
type StoredSource =
  | { readonly kind: 'image'; readonly uri: string; readonly auth?: StoredAuth }
  | Extract<ImageSource, { kind: 'snapshot' }>;
type StoredRecord = Omit<SandboxRecord, 'spec'> & {
  readonly spec: Omit<SandboxSpec, 'source'> & { readonly source: StoredSource };
};

function parseSource(source: StoredSource): ImageSource {
  if (source.kind === 'snapshot') return source;
  const { auth } = source;
  return {
    kind: 'image',
    uri: source.uri,
    auth: auth && { username: auth.username, password: new Secret(auth.password) },
  };
}
