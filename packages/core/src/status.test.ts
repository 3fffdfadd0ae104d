import { sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { Intent, Observation, ObservedPhase, Provisioning } from './sandbox.ts';
import { statusOf } from './status.ts';

const READY: Provisioning = { phase: 'ready', at: 10 };
const FAILED: Provisioning = {
  phase: 'failed',
  at: 77,
  kind: 'internal',
  code: 'image.pull_failed',
  message: 'Failed to pull image x: no such host',
};

function seen(phase: ObservedPhase, change: Partial<Observation> = {}): Observation {
  return {
    id: sampleRecord().id,
    phase,
    engineState: phase,
    exitCode: phase === 'exited' ? 0 : undefined,
    oomKilled: false,
    error: undefined,
    finishedAt: undefined,
    reach: { kind: 'none' },
    readAt: 20,
    claim: undefined,
    ...change,
  };
}

const RESTARTING = seen('running', { engineState: 'restarting' });
const REMOVING = seen('unknown', { engineState: 'removing' });
const OUT_OF_MEMORY = 'Sandbox container ran out of memory and was killed';

function ended(exitCode: number | undefined, oomKilled = false): Observation {
  return seen('exited', { exitCode, oomKilled });
}

function state(intent: Intent, provisioning: Provisioning, observation: Observation | undefined): string {
  const record = sampleRecord({ intent, provisioning });
  return statusOf({ record, seen: observation, progress: undefined }).state;
}

describe('statusOf', () => {
  const phases: readonly (ObservedPhase | undefined)[] = [
    undefined,
    'starting',
    'running',
    'paused',
    'exited',
    'unknown',
  ];

  it.each<[Intent, readonly string[]]>([
    ['run', ['Failed', 'Pending', 'Running', 'Resuming', 'Terminated', 'Unknown']],
    ['pause', ['Failed', 'Pending', 'Pausing', 'Paused', 'Terminated', 'Unknown']],
    ['destroy', ['Stopping', 'Stopping', 'Stopping', 'Stopping', 'Stopping', 'Stopping']],
  ])('shows a ready sandbox with intent %s as %j', (intent, expected) => {
    const states = phases.map((phase) => state(intent, READY, phase && seen(phase)));
    expect(states).toEqual(expected);
  });

  it('shows a pending one as Pending and a failed one as Failed, whatever is seen', () => {
    for (const phase of phases) {
      const observation = phase && seen(phase);
      for (const intent of ['run', 'pause'] as const) {
        expect(state(intent, { phase: 'pending' }, observation)).toBe('Pending');
        expect(state(intent, FAILED, observation)).toBe('Failed');
      }
      expect(state('destroy', { phase: 'pending' }, observation)).toBe('Stopping');
      expect(state('destroy', FAILED, observation)).toBe('Stopping');
    }
  });

  it.each<[Observation, string, string, string]>([
    [seen('running'), 'Running', 'CONTAINER_RUNNING', 'Sandbox container is running.'],
    [RESTARTING, 'Running', 'CONTAINER_RESTARTING', 'Sandbox container is restarting.'],
    [seen('starting'), 'Pending', 'CONTAINER_STARTING', 'Sandbox container is starting.'],
    [ended(0), 'Terminated', 'CONTAINER_EXITED', 'Sandbox container exited successfully.'],
    // A child ran out of memory, the main process did not mind.
    [ended(0, true), 'Terminated', 'CONTAINER_EXITED', 'Sandbox container exited successfully.'],
    [ended(127), 'Failed', 'CONTAINER_EXITED_ERROR', 'Sandbox container exited with code 127.'],
    [ended(undefined), 'Failed', 'CONTAINER_EXITED_ERROR', 'Sandbox container exited with code unknown.'],
    [ended(137, true), 'Failed', 'CONTAINER_OOM_KILLED', `${OUT_OF_MEMORY} (exit code 137).`],
    [REMOVING, 'Unknown', 'CONTAINER_STATE_UNKNOWN', "Sandbox container is in state 'removing'."],
  ])('words %j as %s, %s', (observation, expected, reason, message) => {
    const record = sampleRecord({ provisioning: READY });
    const status = statusOf({ record, seen: observation, progress: undefined });
    expect(status).toMatchObject({ state: expected, reason, message });
  });

  it('words a paused sandbox', () => {
    const record = sampleRecord({ provisioning: READY, intent: 'pause' });
    expect(statusOf({ record, seen: seen('paused'), progress: undefined })).toMatchObject({
      state: 'Paused',
      reason: 'CONTAINER_PAUSED',
      message: 'Sandbox container is paused.',
    });
  });

  it('tells the progress of a provisioning, and how it failed', () => {
    const progress = { step: 'image' as const, message: 'Pulling x: 40 %' };
    expect(statusOf({ record: sampleRecord(), seen: undefined, progress })).toMatchObject({
      state: 'Pending',
      reason: 'CONTAINER_STARTING',
      message: 'Pulling x: 40 %',
    });
    const record = sampleRecord({ provisioning: FAILED });
    expect(statusOf({ record, seen: undefined, progress: undefined })).toEqual({
      state: 'Failed',
      reason: 'PROVISIONING_ERROR',
      message: 'Failed to pull image x: no such host',
      transitionAt: 77,
    });
  });

  it('says of a lost sandbox since when, and what to check', () => {
    const lost = { since: 33, provenSince: undefined };
    const record = sampleRecord({ provisioning: READY, lost });
    expect(statusOf({ record, seen: undefined, progress: undefined })).toMatchObject({
      state: 'Failed',
      reason: 'RUNTIME_LOST',
      message: expect.stringContaining('Check that the server uses the right engine') as string,
      transitionAt: 33,
    });
    expect(statusOf({ record, seen: seen('running'), progress: undefined }).state).toBe('Running');
  });

  it('dates the last transition by the end of the process, else by the creation', () => {
    const record = sampleRecord({ provisioning: READY, createdAt: 5 });
    const at = (observation: Observation): number =>
      statusOf({ record, seen: observation, progress: undefined }).transitionAt;
    expect(at(seen('running'))).toBe(5);
    expect(at(seen('exited', { finishedAt: 42 }))).toBe(42);
  });
});
