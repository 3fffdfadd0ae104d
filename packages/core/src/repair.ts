import type { Lack } from './loss.ts';
import { isGivenUp, nextLoss } from './loss.ts';
import type { Intent, Loss, Observation, SandboxClaim, SandboxRecord } from './sandbox.ts';

export interface Situation {
  readonly record: SandboxRecord | undefined;
  readonly seen: Observation | undefined;
  /** Something works on this sandbox; whatever looks odd is its doing. */
  readonly isBusy: boolean;
  /** The engine told of its removal. */
  readonly wasRemoved: boolean;
  /** The list that lacks it, when the latest does: that is less than being told of a removal. */
  readonly lack: Lack | undefined;
  /** A removal that failed waits for its next attempt. */
  readonly isRetrying: boolean;
}

export type Repair =
  | { readonly do: 'nothing' }
  | { readonly do: 'adopt'; readonly seen: Observation; readonly claim: SandboxClaim }
  | { readonly do: 'remove'; readonly why: string }
  | { readonly do: 'provision' }
  | { readonly do: 'clean-up' }
  | { readonly do: 'mark-lost'; readonly loss: Loss }
  | { readonly do: 'mark-found' }
  | { readonly do: 'forget' }
  | { readonly do: 'follow-drift'; readonly intent: Intent };

const NOTHING: Repair = { do: 'nothing' };

/** What has to happen so that record and engine agree again. Level-based: asked at any time, it repairs. */
export function repairFor(situation: Situation): Repair {
  const { record, seen, isBusy } = situation;
  if (isBusy) return NOTHING;
  if (record === undefined) {
    return seen?.claim === undefined ? NOTHING : { do: 'adopt', seen, claim: seen.claim };
  }
  if (record.buriedAt !== undefined) return buriedRepair(record.buriedAt, situation);
  if (record.intent === 'destroy') {
    return situation.isRetrying ? NOTHING : { do: 'remove', why: 'deleted' };
  }
  switch (record.provisioning.phase) {
    case 'pending':
      return { do: 'provision' };
    case 'failed':
      return seen === undefined ? NOTHING : { do: 'clean-up' };
    case 'ready':
      if (seen === undefined) return absenceRepair(record, situation);
      if (record.lost !== undefined) return { do: 'mark-found' };
      if (record.intent === 'run' && seen.phase === 'paused') return { do: 'follow-drift', intent: 'pause' };
      if (record.intent === 'pause' && seen.phase === 'running') return { do: 'follow-drift', intent: 'run' };
      return NOTHING;
  }
}

/** How long a sandbox that was removed while it was lost is kept in mind: its engine may come back by then. */
const BURIED_FOR_MS = 30 * 24 * 3_600_000;

function buriedRepair(buriedAt: number, { seen, wasRemoved, lack, isRetrying }: Situation): Repair {
  if (isRetrying) return NOTHING;
  if (seen !== undefined) return { do: 'remove', why: 'deleted' };
  const isForgotten = lack !== undefined && lack.listedAt - buriedAt >= BURIED_FOR_MS;
  return wasRemoved || isForgotten ? { do: 'forget' } : NOTHING;
}

function absenceRepair(record: SandboxRecord, { wasRemoved, lack }: Situation): Repair {
  if (wasRemoved) return { do: 'remove', why: 'removed_outside' };
  if (lack === undefined) return NOTHING;
  const loss = nextLoss(record.lost, lack);
  if (isGivenUp(loss, lack.listedAt)) return { do: 'remove', why: 'lost' };
  return loss === record.lost ? NOTHING : { do: 'mark-lost', loss };
}
