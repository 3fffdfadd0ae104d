import { sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { Observation, SandboxRecord } from '../sandbox.ts';
import { changesOf, sightingOf } from './happenings.ts';

const NOW = Date.UTC(2026, 0, 2);
const record: SandboxRecord = {
  ...sampleRecord({}),
  provisioning: { phase: 'pending' },
  expiresAt: NOW + 1000,
};
const failed = {
  phase: 'failed',
  at: NOW,
  kind: 'internal',
  code: 'image.pull_failed',
  message: 'No.',
} as const;

describe('changesOf', () => {
  it.each<[string, Partial<SandboxRecord>, readonly string[]]>([
    ['nothing', {}, []],
    ['a revision', { revision: 9 }, []],
    ['readiness', { provisioning: { phase: 'ready', at: NOW } }, ['Ready']],
    ['a failure', { provisioning: failed }, ['Failed']],
    ['a pause', { intent: 'pause' }, ['Pausing']],
    ['a removal', { intent: 'destroy' }, ['Removing']],
    ['an expiry', { intent: 'destroy', expiresAt: NOW - 1 }, ['Expired', 'Renewed']],
    ['a renewal', { expiresAt: NOW + 5000 }, ['Renewed']],
    ['a finer renewal', { expiresAtMicros: 7 }, ['Renewed']],
    ['a deadline beyond all dates', { expiresAt: 1e18 }, ['Renewed']],
    ['a loss', { lost: { since: NOW, provenSince: undefined } }, ['Lost']],
    ['other metadata', { metadata: { a: 'hidden' } }, ['MetadataChanged']],
  ])('tells %s', (_what, change, wanted) => {
    const told = changesOf(record, { ...record, ...change }, NOW);
    expect(told.map(({ event }) => event)).toEqual(wanted);
    expect(JSON.stringify(told)).not.toContain('hidden');
  });

  it('tells how a sandbox came to be here', () => {
    expect(changesOf(undefined, record, NOW)[0]?.event).toBe('Accepted');
    const adopted = { ...record, provisioning: { phase: 'ready', at: NOW } as const };
    expect(changesOf(undefined, adopted, NOW)[0]?.event).toBe('Adopted');
  });

  it('tells the reason and the code of a failure, and a resumption', () => {
    expect(changesOf(record, { ...record, provisioning: failed }, NOW)[0]?.message).toBe(
      'No. (image.pull_failed)',
    );
    const paused: SandboxRecord = { ...record, intent: 'pause' };
    expect(changesOf(paused, record, NOW)[0]?.event).toBe('Resuming');
  });
});

describe('sightingOf', () => {
  const running: Observation = {
    id: record.id,
    phase: 'running',
    engineState: 'running',
    exitCode: undefined,
    oomKilled: false,
    error: undefined,
    finishedAt: undefined,
    reach: { kind: 'none' },
    readAt: 1,
    claim: undefined,
  };
  const exited: Observation = { ...running, phase: 'exited', exitCode: 137, oomKilled: true, finishedAt: 5 };

  it.each<[Observation | undefined, Observation | undefined, string | undefined]>([
    [undefined, undefined, undefined],
    [undefined, running, 'Running'],
    [running, { ...running, readAt: 2 }, undefined],
    [running, { ...running, phase: 'paused' }, 'Paused'],
    [running, { ...running, phase: 'starting' }, 'Starting'],
    [running, { ...running, phase: 'unknown', engineState: 'odd' }, 'Unknown'],
    [running, { ...running, finishedAt: 5 }, 'Running'],
    [running, exited, 'Exited'],
    [exited, undefined, 'Gone'],
  ])('compares two readings (%#)', (before, after, wanted) => {
    expect(sightingOf(before, after)?.event).toBe(wanted);
  });

  it('tells how it ended', () => {
    expect(sightingOf(running, exited)?.message).toBe('The main process ended with code 137, out of memory.');
  });
});
