import type { Platform, SandboxRecord } from '@opensandbox/core/ports';
import { LABEL, SYSTEM_PREFIXES } from './names.ts';
import { formatLabelTime, readRfc3339 } from './rfc3339.ts';

export type Labels = Readonly<Record<string, string>>;

/**
 * Labels that an image made from a sandbox carries on. A sandbox restored from it says each of them itself,
 * empty where it does not apply: empty means absent to every reader.
 */
const INHERITED = [
  LABEL.expiresAt,
  LABEL.manualCleanup,
  LABEL.platformOs,
  LABEL.platformArch,
  LABEL.snapshotId,
  LABEL.accessRenewSeconds,
  LABEL.agentPort,
  LABEL.httpPort,
  LABEL.egressAuthToken,
  LABEL.ossfsMounts,
  LABEL.volumeManagedBy,
  LABEL.hostPaths,
  LABEL.instance,
  LABEL.image,
  LABEL.sidecarFor,
  LABEL.owner,
  LABEL.auxiliary,
];

/** The labels of a sandbox container. System labels win over metadata of the same name. */
export function formatLabels(record: SandboxRecord, instance: string | undefined): Labels {
  const { spec } = record;
  const deadline: Labels =
    record.expiresAt === undefined
      ? { [LABEL.manualCleanup]: 'true' }
      : { [LABEL.expiresAt]: formatLabelTime(record.expiresAt) };
  // The engine adds the labels of the image, and the image is a stranger's or another sandbox's: what is not
  // written here is written empty, which every reader takes as absent.
  const blank = Object.fromEntries(INHERITED.map((key) => [key, '']));
  return {
    ...record.metadata,
    ...blank,
    [LABEL.id]: record.id,
    ...deadline,
    ...(spec.platform === undefined ? {} : formatPlatform(spec.platform)),
    ...(spec.source.kind === 'snapshot'
      ? { [LABEL.snapshotId]: spec.source.snapshotId }
      : { [LABEL.image]: spec.source.uri }),
    ...(spec.accessRenewSeconds === undefined
      ? {}
      : { [LABEL.accessRenewSeconds]: String(spec.accessRenewSeconds) }),
    ...(instance === undefined ? {} : { [LABEL.instance]: instance }),
  };
}

function formatPlatform(platform: Platform): Labels {
  return { [LABEL.platformOs]: platform.os, [LABEL.platformArch]: platform.arch };
}

/** A label's text; the empty text counts as absent. */
export function readLabel(labels: Labels, key: string): string | undefined {
  const value = labels[key];
  return value === '' ? undefined : value;
}

/** A JSON array of texts; anything else holds none. */
export function readTextList(text: string | undefined): readonly string[] {
  if (text?.startsWith('[') !== true) return [];
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
  } catch {
    return []; // a label of some other program
  }
}

/** What a restored sandbox has inherited from its snapshot's image was emptied when it was made: that is not its own. */
export function readMetadata(labels: Labels): Labels {
  const isRestored = readLabel(labels, LABEL.snapshotId) !== undefined;
  const isUsers = ([key, value]: readonly [string, string]): boolean =>
    !SYSTEM_PREFIXES.some((prefix) => key.startsWith(prefix)) && !(isRestored && value === '');
  return Object.fromEntries(Object.entries(labels).filter(isUsers));
}

export function readPlatform(labels: Labels): Platform | undefined {
  const os = readLabel(labels, LABEL.platformOs);
  const arch = readLabel(labels, LABEL.platformArch);
  const isKnown = (os === 'linux' || os === 'windows') && (arch === 'amd64' || arch === 'arm64');
  return isKnown ? { os, arch } : undefined;
}

/** `unreadable` is said apart from absent: it deserves a warning, and never an expiry. */
export function readDeadline(labels: Labels): {
  readonly at: number | undefined;
  readonly unreadable: boolean;
} {
  const text = readLabel(labels, LABEL.expiresAt);
  if (text === undefined) return { at: undefined, unreadable: false };
  const at = readRfc3339(text);
  return { at, unreadable: at === undefined };
}

export function readAccessRenewSeconds(labels: Labels): number | undefined {
  const text = readLabel(labels, LABEL.accessRenewSeconds)?.trim() ?? '';
  return /^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
}

export function readPort(labels: Labels, key: string): number | undefined {
  const text = readLabel(labels, key) ?? '';
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

/**
 * Whether this server looks after a container. With an instance name: only its own. Without: every one that no
 * named instance claims.
 */
export function isMine(labels: Labels, instance: string | undefined): boolean {
  return readLabel(labels, LABEL.instance) === instance;
}
