import { Fault, Secret } from '@opensandbox/base';
import type { ImageSource, SandboxRecord, SandboxSpec, Volume, VolumeSource } from '@opensandbox/core/ports';

/** The only place where credentials are written in clear: the file is private, and only while they are needed. */
export function formatRecord(record: SandboxRecord): string {
  const { source, volumes } = record.spec;
  const spec = { ...record.spec, source: formatSource(source), volumes: volumes.map(formatVolume) };
  return JSON.stringify({ ...record, spec });
}

function formatVolume(volume: Volume): unknown {
  const { source } = volume;
  if (source.kind !== 'ossfs' || source.credentials === undefined) return volume;
  const { accessKeyId, accessKeySecret } = source.credentials;
  const credentials = { accessKeyId, accessKeySecret: accessKeySecret.reveal() };
  return { ...volume, source: { ...source, credentials } };
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
          ...stored.spec.resources,
          cpuMillis: stored.spec.resources.cpuMillis,
          memoryBytes: stored.spec.resources.memoryBytes,
          gpus: stored.spec.resources.gpus,
        },
        volumes: (stored.spec.volumes ?? []).map(parseVolume), // records of older versions have none
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
  readonly spec: Omit<SandboxSpec, 'source' | 'volumes'> & {
    readonly source: StoredSource;
    readonly volumes?: readonly StoredVolume[];
  };
};
type Oss = Extract<VolumeSource, { kind: 'ossfs' }>;
type StoredOss = Omit<Oss, 'credentials'> & {
  readonly credentials?: { readonly accessKeyId: string; readonly accessKeySecret: string };
};
type StoredVolume = Omit<Volume, 'source'> & { readonly source: Exclude<VolumeSource, Oss> | StoredOss };

function parseVolume(volume: StoredVolume): Volume {
  return { ...volume, subPath: volume.subPath, source: parseVolumeSource(volume.source) };
}

function parseVolumeSource(source: StoredVolume['source']): VolumeSource {
  switch (source.kind) {
    case 'host':
      return source;
    case 'claim': {
      const { storageClass, storage, accessModes } = source;
      return { ...source, storageClass, storage, accessModes };
    }
    case 'ossfs': {
      const { credentials } = source;
      return {
        ...source,
        credentials: credentials && {
          accessKeyId: credentials.accessKeyId,
          accessKeySecret: new Secret(credentials.accessKeySecret),
        },
      };
    }
  }
}

function parseSource(source: StoredSource): ImageSource {
  if (source.kind === 'snapshot') return source;
  const { auth } = source;
  return {
    kind: 'image',
    uri: source.uri,
    auth: auth && { username: auth.username, password: new Secret(auth.password) },
  };
}
