import { sampleRecord, sampleSpec } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import {
  formatLabels,
  isMine,
  readAccessRenewSeconds,
  readDeadline,
  readMetadata,
  readPlatform,
} from './labels.ts';

const CREATED = Date.UTC(2026, 0, 2, 3, 4, 5);

/** The labels that say something: an empty one is there to hide what an image carries. */
function written(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}

describe('formatLabels', () => {
  it('leaves no system label to the image', () => {
    const labels = formatLabels(sampleRecord(), undefined);
    for (const name of ['instance', 'auxiliary', 'http-port', 'embedding-proxy-port', 'egress-auth-token']) {
      expect(labels[`opensandbox.io/${name}`]).toBe('');
    }
  });

  it('writes a deadline, and no manual clean-up beside it', () => {
    const record = sampleRecord({ expiresAt: CREATED, metadata: { team: 'infra' } });
    expect(written(formatLabels(record, undefined))).toEqual({
      team: 'infra',
      'opensandbox.io/id': record.id,
      'opensandbox.io/expires-at': '2026-01-02T03:04:05+00:00',
      'opensandbox.io/image': 'sample:latest',
    });
  });

  it('writes manual clean-up when there is no deadline', () => {
    const labels = formatLabels(sampleRecord(), 'blue');
    expect(labels).toMatchObject({
      'opensandbox.io/manual-cleanup': 'true',
      'opensandbox.io/instance': 'blue',
    });
    expect(written(labels)).not.toHaveProperty('opensandbox.io/expires-at');
  });

  it('writes platform and renewal when they were asked for', () => {
    const spec = sampleSpec({ platform: { os: 'linux', arch: 'arm64' }, accessRenewSeconds: 600 });
    expect(formatLabels(sampleRecord({ spec }), undefined)).toMatchObject({
      'opensandbox.io/platform-os': 'linux',
      'opensandbox.io/platform-arch': 'arm64',
      'opensandbox.io/access-renew-extend-seconds': '600',
    });
  });

  it('lets no metadata stand for a system label', () => {
    const record = sampleRecord({ metadata: { 'opensandbox.io/id': 'forged' } });
    expect(formatLabels(record, undefined)['opensandbox.io/id']).toBe(record.id);
  });

  it('hides what a snapshot image carries on from its source', () => {
    const source = { kind: 'snapshot', snapshotId: 's1', image: 'opensandbox-snapshots:s1' } as const;
    const labels = formatLabels(sampleRecord({ spec: sampleSpec({ source }) }), undefined);
    expect(labels).toMatchObject({
      'opensandbox.io/snapshot-id': 's1',
      'opensandbox.io/manual-cleanup': 'true',
      'opensandbox.io/expires-at': '',
      'opensandbox.io/egress-auth-token': '',
      'opensandbox.io/volume-managed-by': '',
      'opensandbox.io/instance': '',
    });
  });
});

describe('reading labels', () => {
  it('keeps only what a user can have written as metadata', () => {
    const labels = {
      a: '1',
      'opensandbox.io/x': '2',
      'com.docker.y': '3',
      'org.opencontainers.image.z': '4',
    };
    expect(readMetadata(labels)).toEqual({ a: '1' });
  });

  it('tells an unreadable deadline from none', () => {
    expect(readDeadline({})).toEqual({ at: undefined, unreadable: false });
    expect(readDeadline({ 'opensandbox.io/expires-at': '' })).toEqual({ at: undefined, unreadable: false });
    expect(readDeadline({ 'opensandbox.io/expires-at': 'garbage' })).toEqual({
      at: undefined,
      unreadable: true,
    });
  });

  it('knows no platform from half of one', () => {
    expect(readPlatform({ 'opensandbox.io/platform-os': 'linux' })).toBeUndefined();
  });

  it.each([
    ['600', 600],
    [' 600 ', 600],
    ['0', undefined],
    ['ten', undefined],
    ['', undefined],
  ])('reads the renewal %j as %s', (text, seconds) => {
    expect(readAccessRenewSeconds({ 'opensandbox.io/access-renew-extend-seconds': text })).toBe(seconds);
  });

  it.each([
    [{}, undefined, true],
    [{ 'opensandbox.io/instance': '' }, undefined, true],
    [{ 'opensandbox.io/instance': 'blue' }, undefined, false],
    [{ 'opensandbox.io/instance': 'blue' }, 'blue', true],
    [{ 'opensandbox.io/instance': 'red' }, 'blue', false],
    [{}, 'blue', false],
  ])('with labels %j and instance %s: mine is %s', (labels, instance, mine) => {
    expect(isMine(labels, instance)).toBe(mine);
  });
});
