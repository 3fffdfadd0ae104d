import type { SandboxBody, SandboxListBody, SandboxStatusBody } from '@opensandbox/contract';
import { formatTimestamp } from '@opensandbox/contract';
import type { ImageSource, Page, Sandbox, SandboxRecord, SandboxStatus } from '@opensandbox/core';
import { formatPagination } from './format-pagination.ts';

/** A sandbox as GET, list and the metadata patch show it. Members without a value are absent. */
export function formatSandbox(sandbox: Sandbox): SandboxBody {
  const { record, status } = sandbox;
  return {
    id: record.id,
    ...formatSource(record.spec.source),
    ...formatPlatform(record),
    status: formatStatus(status),
    ...(isEmpty(record.metadata) ? {} : { metadata: { ...record.metadata } }),
    entrypoint: [...record.spec.entrypoint],
    ...formatExtensions(record),
    ...formatExpiry(record),
    createdAt: formatTimestamp(record.createdAt),
  };
}

export function formatSandboxList(page: Page<Sandbox>): SandboxListBody {
  return { items: page.items.map(formatSandbox), pagination: formatPagination(page) };
}

export function formatStatus(status: SandboxStatus): SandboxStatusBody {
  return {
    state: status.state,
    reason: status.reason,
    message: status.message,
    lastTransitionAt: formatTimestamp(status.transitionAt),
  };
}

export function formatPlatform(record: SandboxRecord): Pick<SandboxBody, 'platform'> {
  const { platform } = record.spec;
  return platform === undefined ? {} : { platform: { os: platform.os, arch: platform.arch } };
}

export function formatExtensions(record: SandboxRecord): Pick<SandboxBody, 'extensions'> {
  const { extensions } = record.spec;
  return isEmpty(extensions) ? {} : { extensions: { ...extensions } };
}

export function formatExpiry(record: SandboxRecord): Pick<SandboxBody, 'expiresAt'> {
  const { expiresAt: ms, expiresAtMicros: micros = 0 } = record;
  return ms === undefined ? {} : { expiresAt: formatTimestamp({ ms, micros }) };
}

function formatSource(source: ImageSource): Pick<SandboxBody, 'image' | 'snapshotId'> {
  return source.kind === 'image' ? { image: { uri: source.uri } } : { snapshotId: source.snapshotId };
}

function isEmpty(map: Readonly<Record<string, string>>): boolean {
  return Object.keys(map).length === 0;
}
