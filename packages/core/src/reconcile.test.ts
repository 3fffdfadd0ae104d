import { sampleRecord, sampleSpec } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { Situation } from './reconcile.ts';
import { repairFor } from './reconcile.ts';
import type { Observation, ObservedPhase, SandboxRecord } from './sandbox.ts';

const ID = sampleRecord().id;
const claim = { spec: sampleSpec(), metadata: {}, createdAt: 1, expiresAt: undefined };

const seen = (phase: ObservedPhase): Observation => ({
  id: ID,
  phase,
  engineState: phase,
  exitCode: undefined,
  oomKilled: false,
  error: undefined,
  finishedAt: undefined,
  reach: { kind: 'none' },
  readAt: 1,
  claim,
});

const situation = (change: Partial<Situation>): Situation => ({
  record: undefined,
  seen: undefined,
  isBusy: false,
  isProvenAbsent: false,
  isRetrying: false,
  ...change,
});

const ready = (change: Partial<SandboxRecord> = {}): SandboxRecord =>
  sampleRecord({ id: ID, provisioning: { phase: 'ready', at: 1 }, ...change });

const failed = sampleRecord({
  id: ID,
  provisioning: { phase: 'failed', at: 1, kind: 'internal', code: 'image.pull_failed', message: '' },
});

describe('repairFor', () => {
  it.each<[string, Partial<Situation>, object]>([
    ['a stranger with a claim', { seen: seen('running') }, { do: 'adopt', claim }],
    ['a stranger without a claim', { seen: { ...seen('running'), claim: undefined } }, { do: 'nothing' }],
    [
      'a removal that was interrupted',
      { record: ready({ intent: 'destroy' }) },
      { do: 'remove', why: 'deleted' },
    ],
    [
      'a removal that waits for its retry',
      { record: ready({ intent: 'destroy' }), isRetrying: true },
      { do: 'nothing' },
    ],
    ['a create that was interrupted', { record: sampleRecord() }, { do: 'provision' }],
    ['leftovers of a failure', { record: failed, seen: seen('starting') }, { do: 'clean-up' }],
    ['a clean failure', { record: failed }, { do: 'nothing' }],
    ['a sandbox that is gone', { record: ready(), isProvenAbsent: true }, { do: 'remove', why: 'lost' }],
    ['a sandbox without news', { record: ready() }, { do: 'nothing' }],
    [
      'one paused by hand',
      { record: ready(), seen: seen('paused') },
      { do: 'follow-drift', intent: 'pause' },
    ],
    [
      'one thawed by hand',
      { record: ready({ intent: 'pause' }), seen: seen('running') },
      { do: 'follow-drift', intent: 'run' },
    ],
    ['one that runs', { record: ready(), seen: seen('running') }, { do: 'nothing' }],
    ['one that has ended', { record: ready(), seen: seen('exited') }, { do: 'nothing' }],
  ])('of %s', (_what, change, repair) => {
    expect(repairFor(situation(change))).toMatchObject(repair);
    expect(repairFor(situation({ ...change, isBusy: true }))).toEqual({ do: 'nothing' });
  });
});
