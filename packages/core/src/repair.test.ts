import { sampleRecord, sampleSpec } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { Situation } from './repair.ts';
import { repairFor } from './repair.ts';
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
  wasRemoved: false,
  lack: undefined,
  isRetrying: false,
  ...change,
});

const ready = (change: Partial<SandboxRecord> = {}): SandboxRecord =>
  sampleRecord({ id: ID, provisioning: { phase: 'ready', at: 1 }, ...change });

const LACK = { listedAt: 50, oldestShownAt: 49 };
const LOSS = { since: 50, provenSince: 50 };
const BURIED = ready({ intent: 'destroy', lost: LOSS, buriedAt: 60 });

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
    [
      'a sandbox that was removed outside',
      { record: ready(), wasRemoved: true },
      { do: 'remove', why: 'removed_outside' },
    ],
    ['a sandbox that a list lacks', { record: ready(), lack: LACK }, { do: 'mark-lost', loss: LOSS }],
    ['one that is lost and still missing', { record: ready({ lost: LOSS }), lack: LACK }, { do: 'nothing' }],
    [
      'one that has been missing for long',
      { record: ready({ lost: LOSS }), lack: { ...LACK, listedAt: 50 + 600_000 } },
      { do: 'remove', why: 'lost' },
    ],
    ['one that is lost, without news', { record: ready({ lost: LOSS }) }, { do: 'nothing' }],
    ['one removed while it was lost', { record: BURIED, lack: LACK }, { do: 'nothing' }],
    [
      'one removed while it was lost that shows after all',
      { record: BURIED, seen: seen('running') },
      { do: 'remove', why: 'deleted' },
    ],
    [
      'one removed while it was lost whose removal is to be tried again',
      { record: BURIED, seen: seen('running'), isRetrying: true },
      { do: 'nothing' },
    ],
    [
      'one removed while it was lost, a month ago',
      { record: BURIED, lack: { ...LACK, listedAt: 60 + 30 * 24 * 3_600_000 } },
      { do: 'forget' },
    ],
    ['one that is back', { record: ready({ lost: LOSS }), seen: seen('running') }, { do: 'mark-found' }],
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
