import type { Observation, Progress, SandboxRecord, SandboxState, SandboxStatus } from './sandbox.ts';

/** What a status is made of; nothing else may influence it. */
export interface StatusInput {
  readonly record: SandboxRecord;
  readonly seen: Observation | undefined;
  /** The latest step of a provisioning that is under way. */
  readonly progress: Progress | undefined;
  /** The engine has frozen it for a moment, to capture it. */
  readonly captured?: boolean | undefined;
}

type Phrase = Omit<SandboxStatus, 'transitionAt'>;

const phrase = (state: SandboxState, reason: string, message: string): Phrase => ({ state, reason, message });

const STARTING = phrase('Pending', 'CONTAINER_STARTING', 'Sandbox container is starting.');
const RUNNING = phrase('Running', 'CONTAINER_RUNNING', 'Sandbox container is running.');
const RESTARTING = phrase('Running', 'CONTAINER_RESTARTING', 'Sandbox container is restarting.');
const PAUSING = phrase('Pausing', 'CONTAINER_PAUSING', 'Sandbox container is being paused.');
const PAUSED = phrase('Paused', 'CONTAINER_PAUSED', 'Sandbox container is paused.');
const RESUMING = phrase('Resuming', 'CONTAINER_RESUMING', 'Sandbox container is being resumed.');
const STOPPING = phrase('Stopping', 'CONTAINER_STOPPING', 'Sandbox container is being removed.');

const LOST = phrase(
  'Failed',
  'RUNTIME_LOST',
  'The engine does not list this sandbox any more. Check that the server uses the right engine and that the ' +
    "engine's data is mounted: the sandbox comes back as it was when the engine shows it again. If it is gone, delete it.",
);

/**
 * Intent and observation as the state that clients see.
 *
 * | intent, seen → | absent  | starting | running | paused   | exited               | unknown |
 * |----------------|---------|----------|---------|----------|----------------------|---------|
 * | run            | Failed  | Pending  | Running | Resuming | Terminated or Failed | Unknown |
 * | pause          | Failed  | Pending  | Pausing | Paused   | Terminated or Failed | Unknown |
 * | destroy        | Stopping, whatever is seen                                               |
 *
 * A sandbox that shows as paused only because it is being captured is Running. A provisioning that is pending shows as Pending and a failed one as Failed, whatever is seen. `absent` is no
 * end: the engine may show the sandbox again.
 */
export function statusOf(input: StatusInput): SandboxStatus {
  return { ...phraseOf(input), transitionAt: transitionAt(input) };
}

function phraseOf({ record, seen, progress, captured }: StatusInput): Phrase {
  if (record.intent === 'destroy') return STOPPING;
  const { provisioning } = record;
  if (provisioning.phase === 'failed') return phrase('Failed', 'PROVISIONING_ERROR', provisioning.message);
  if (provisioning.phase === 'pending') {
    return progress === undefined ? STARTING : { ...STARTING, message: progress.message };
  }
  if (seen === undefined) return LOST;
  switch (seen.phase) {
    case 'starting':
      return STARTING;
    case 'running':
      if (record.intent === 'pause') return PAUSING;
      return seen.engineState === 'restarting' ? RESTARTING : RUNNING;
    case 'paused':
      if (record.intent === 'pause') return PAUSED;
      return captured === true ? RUNNING : RESUMING;
    case 'exited':
      return ended(seen);
    case 'unknown':
      return unknown(seen.engineState);
  }
}

function ended(seen: Observation): Phrase {
  if (seen.exitCode === 0) {
    return phrase('Terminated', 'CONTAINER_EXITED', 'Sandbox container exited successfully.');
  }
  const code = seen.exitCode ?? 'unknown';
  if (seen.oomKilled) {
    const message = `Sandbox container ran out of memory and was killed (exit code ${code}).`;
    return phrase('Failed', 'CONTAINER_OOM_KILLED', message);
  }
  return phrase('Failed', 'CONTAINER_EXITED_ERROR', `Sandbox container exited with code ${code}.`);
}

function unknown(engineState: string): Phrase {
  return phrase('Unknown', 'CONTAINER_STATE_UNKNOWN', `Sandbox container is in state '${engineState}'.`);
}

/** When the main process last ended, the sandbox was lost, or provisioning failed; creation otherwise. Pausing does not move it. */
function transitionAt({ record, seen }: StatusInput): number {
  if (record.provisioning.phase === 'failed') return record.provisioning.at;
  if (seen === undefined) return record.lost?.since ?? record.createdAt;
  return seen.finishedAt ?? record.createdAt;
}
