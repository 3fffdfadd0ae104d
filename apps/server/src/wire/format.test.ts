import { Fault } from '@opensandbox/base';
import type { PortAddress, Reach, Sandbox, SandboxRecord } from '@opensandbox/core';
import { sandboxId } from '@opensandbox/core';
import { describe, expect, it } from 'vitest';
import { formatCreate } from './format-create.ts';
import type { ParsedCreate } from './parse-create.ts';
import { formatEndpoint, formatProxyEndpoint, proxyBase } from './format-endpoint.ts';
import { formatSandbox, formatSandboxList } from './format-sandbox.ts';

const CREATED = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const PLAIN: Sandbox = {
  record: {
    id: sandboxId('6f1c9c52-2f0b-4a55-9d6e-0a8f5a3d7c11'),
    spec: {
      source: { kind: 'image', uri: 'busybox', auth: undefined },
      entrypoint: ['sleep', '1'],
      env: [['A', 'x']],
      platform: undefined,
      resources: { cpuMillis: undefined, memoryBytes: undefined, gpus: undefined },
      volumes: [],
      resourceLimits: {},
      resourceRequests: {},
      extensions: {},
      accessRenewSeconds: undefined,
    },
    intent: 'run',
    metadata: {},
    createdAt: CREATED,
    expiresAt: undefined,
    provisioning: { phase: 'pending' },
    revision: 1,
  },
  status: { state: 'Pending', reason: 'CONTAINER_STARTING', message: 'Wait.', transitionAt: CREATED },
  reach: { kind: 'none' },
};

const RICH: Sandbox = {
  ...PLAIN,
  record: {
    ...PLAIN.record,
    spec: {
      ...PLAIN.record.spec,
      platform: { os: 'linux', arch: 'arm64' },
      extensions: { 'opensandbox.extensions.a': 'b' },
    },
    metadata: { team: 'a' },
    expiresAt: CREATED + 322,
  },
};

const STATUS = {
  state: 'Pending',
  reason: 'CONTAINER_STARTING',
  message: 'Wait.',
  lastTransitionAt: '2026-01-02T03:04:05.678000Z',
};

describe('formatSandbox', () => {
  it('leaves out what has no value', () => {
    expect(formatSandbox(PLAIN)).toStrictEqual({
      id: PLAIN.record.id,
      image: { uri: 'busybox' },
      status: STATUS,
      entrypoint: ['sleep', '1'],
      createdAt: '2026-01-02T03:04:05.678000Z',
    });
  });

  it('shows everything that there is', () => {
    expect(formatSandbox(RICH)).toStrictEqual({
      id: PLAIN.record.id,
      image: { uri: 'busybox' },
      platform: { os: 'linux', arch: 'arm64' },
      status: STATUS,
      metadata: { team: 'a' },
      entrypoint: ['sleep', '1'],
      extensions: { 'opensandbox.extensions.a': 'b' },
      expiresAt: '2026-01-02T03:04:06Z',
      createdAt: '2026-01-02T03:04:05.678000Z',
    });
  });

  it('shows the snapshot of a restored sandbox and no image', () => {
    const source = { kind: 'snapshot' as const, snapshotId: 's1', image: 'internal:1' };
    const restored = { ...PLAIN, record: { ...PLAIN.record, spec: { ...PLAIN.record.spec, source } } };
    expect(formatSandbox(restored)).toMatchObject({ snapshotId: 's1' });
    expect(JSON.stringify(formatSandbox(restored))).not.toContain('internal:1');
  });
});

describe('formatSandboxList', () => {
  it.each([
    [0, 1, 0, false],
    [20, 1, 1, false],
    [21, 1, 2, true],
    [21, 2, 2, false],
    [21, 9999, 2, false],
  ])('of %i items shows page %i of %i', (totalItems, page, totalPages, hasNextPage) => {
    expect(formatSandboxList({ items: [], page, pageSize: 20, totalItems })).toStrictEqual({
      items: [],
      pagination: { page, pageSize: 20, totalItems, totalPages, hasNextPage },
    });
  });
});

describe('formatCreate', () => {
  const asked = (
    record: SandboxRecord,
    metadata: Readonly<Record<string, string>> | undefined,
  ): ParsedCreate => ({
    request: {
      spec: { ...record.spec, entrypoint: ['sleep 1'] },
      metadata: metadata ?? {},
      timeoutSeconds: undefined,
    },
    metadata,
  });

  it('shows no source, and metadata and entrypoint as sent', () => {
    const shared = {
      id: PLAIN.record.id,
      status: STATUS,
      entrypoint: ['sleep 1'],
      createdAt: '2026-01-02T03:04:05.678000Z',
    };
    expect(formatCreate(PLAIN, asked(PLAIN.record, undefined))).toStrictEqual(shared);
    expect(formatCreate(PLAIN, asked(PLAIN.record, {}))).toStrictEqual({ ...shared, metadata: {} });
    expect(formatCreate(RICH, asked(RICH.record, { team: 'a' }))).toMatchObject({
      metadata: { team: 'a' },
      extensions: { 'opensandbox.extensions.a': 'b' },
      platform: { os: 'linux', arch: 'arm64' },
    });
  });
});

describe('formatEndpoint', () => {
  const mapped: Reach = { kind: 'mapped', host: '127.0.0.1', ports: {}, privateHost: undefined };
  const at = (reach: PortAddress['reach'], pathPrefix = ''): PortAddress => ({
    reach,
    port: 40001,
    pathPrefix,
  });

  it.each([
    [at(mapped, '/proxy/3000'), 'h', 'h:40001/proxy/3000'],
    [at(mapped), 'my.host', 'my.host:40001'],
    [at({ kind: 'host', host: '127.0.0.1' }), 'h', 'h:40001'],
    [at({ kind: 'direct', host: '10.1.2.3' }), 'h', '10.1.2.3:40001'],
    [at(mapped), '1.2.3.4:8080', '1.2.3.4:8080:40001'],
    [at(mapped), 'fd00::1', '[fd00::1]:40001'],
    [at(mapped), '::1', '[::1]:40001'],
  ])('of %j at %s is %s', (address, publicHost, endpoint) => {
    expect(formatEndpoint(address, publicHost)).toEqual({ endpoint });
  });

  it('through the server has no version in its path', () => {
    expect(formatProxyEndpoint('id 1', 3000, 'h:81')).toEqual({
      endpoint: 'h:81/sandboxes/id%201/proxy/3000',
    });
  });
});

describe('proxyBase', () => {
  const none = { publicUrl: undefined, eip: undefined, hostHeader: undefined };

  it.each([
    [{ hostHeader: 'my.host:81' }, 'my.host:81'],
    [{ hostHeader: '[::1]:81' }, '[::1]:81'],
    [{ eip: ' e.com/base/ ', hostHeader: 'h' }, 'e.com/base'],
    [{ eip: 'https://e.com:9//', hostHeader: 'h' }, 'e.com:9'],
    [{ publicUrl: 'https://p.com/x', eip: 'e.com' }, 'p.com/x'],
    [{ publicUrl: ' ', eip: '', hostHeader: 'h' }, 'h'],
  ])('of %j is %s', (input, expected) => {
    expect(proxyBase({ ...none, ...input })).toBe(expected);
  });

  it.each([undefined, '', 'evil.com/path', 'a b', 'user@host', 'h:port', '\u00e9.com'])(
    'refuses the Host header %j',
    (hostHeader) => {
      expect(() => proxyBase({ ...none, hostHeader })).toThrow(Fault);
    },
  );
});
