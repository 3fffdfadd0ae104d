import type { Observation, Progress, SandboxRecord } from '../sandbox.ts';
import { formatTime } from './format-time.ts';
import type { Happening } from './journal.ts';

/** What a change of the record means, in words. Metadata and variables are not told: they may be secret. */
export function changesOf(
  before: SandboxRecord | undefined,
  after: SandboxRecord,
  now: number,
): readonly Happening[] {
  if (before === undefined) return [born(after)];
  const happenings: Happening[] = [];
  const tell = (event: string, message: string): void => void happenings.push({ event, message });
  if (before.provisioning.phase !== after.provisioning.phase) happenings.push(provisioned(after));
  if (before.intent !== after.intent) happenings.push(intended(after, now));
  if (
    before.expiresAt !== after.expiresAt ||
    (before.expiresAtMicros ?? 0) !== (after.expiresAtMicros ?? 0)
  ) {
    tell('Renewed', `The sandbox expires at ${formatTime(after.expiresAt)} now.`);
  }
  if (before.lost === undefined && after.lost !== undefined) {
    tell('Lost', 'The engine does not list the sandbox any more.');
  }
  if (before.lost !== undefined && after.lost === undefined)
    tell('Found', 'The engine lists the sandbox again.');
  if (before.metadata !== after.metadata && before.buriedAt === after.buriedAt) {
    tell('MetadataChanged', 'The metadata of the sandbox was changed.');
  }
  return happenings;
}

/** What a new reading of the engine means, compared with the one before. */
export function sightingOf(
  before: Observation | undefined,
  after: Observation | undefined,
): Happening | undefined {
  if (after === undefined) {
    return before === undefined
      ? undefined
      : { event: 'Gone', message: 'The engine does not show the sandbox any more.' };
  }
  if (before?.phase === after.phase && before.finishedAt === after.finishedAt) return undefined;
  switch (after.phase) {
    case 'starting':
      return { event: 'Starting', message: 'The engine is starting the sandbox.' };
    case 'running':
      return { event: 'Running', message: 'The engine shows the sandbox as running.' };
    case 'paused':
      return { event: 'Paused', message: 'The engine shows the sandbox as paused.' };
    case 'exited':
      return { event: 'Exited', message: exitOf(after) };
    case 'unknown':
      return { event: 'Unknown', message: `The engine shows the sandbox as '${after.engineState}'.` };
  }
}

export function stepOf({ step, message }: Progress): Happening {
  return { event: STEP_EVENT[step], message };
}

const STEP_EVENT: Readonly<Record<Progress['step'], string>> = {
  image: 'PreparingImage',
  create: 'Creating',
  start: 'Starting',
  agent: 'WaitingForAgent',
};

function born({ provisioning, spec, expiresAt }: SandboxRecord): Happening {
  if (provisioning.phase === 'ready') {
    return { event: 'Adopted', message: 'The engine has the sandbox, and this server took it over.' };
  }
  const from = spec.source.kind === 'image' ? spec.source.uri : `snapshot ${spec.source.snapshotId}`;
  return { event: 'Accepted', message: `To be made from ${from}; expires: ${formatTime(expiresAt)}.` };
}

function provisioned({ provisioning }: SandboxRecord): Happening {
  switch (provisioning.phase) {
    case 'pending':
      return { event: 'Pending', message: 'The sandbox is to be made.' };
    case 'ready':
      return { event: 'Ready', message: 'The sandbox is up.' };
    case 'failed':
      return { event: 'Failed', message: `${provisioning.message} (${provisioning.code})` };
  }
}

function intended({ intent, expiresAt }: SandboxRecord, now: number): Happening {
  switch (intent) {
    case 'run':
      return { event: 'Resuming', message: 'The sandbox is to run.' };
    case 'pause':
      return { event: 'Pausing', message: 'The sandbox is to be paused.' };
    case 'destroy': {
      const isExpired = expiresAt !== undefined && expiresAt <= now;
      return isExpired
        ? { event: 'Expired', message: 'The time of the sandbox is over: it is removed.' }
        : { event: 'Removing', message: 'The sandbox is removed.' };
    }
  }
}

function exitOf({ exitCode, oomKilled, error }: Observation): string {
  const code = `The main process ended with code ${exitCode ?? 'unknown'}`;
  const memory = oomKilled ? ', out of memory' : '';
  return `${code}${memory}.${error === undefined ? '' : ` ${error}`}`;
}
