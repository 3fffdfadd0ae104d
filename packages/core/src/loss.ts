import type { Loss } from './sandbox.ts';

/**
 * How long lists have to lack a sandbox, while they show others from before its loss, until it is given up.
 * Longer than an engine takes to start, and than a person takes to mount what was forgotten.
 */
const GRACE_MS = 10 * 60_000;

/** What a list says of a sandbox that it lacks. */
export interface Lack {
  /** When the list began, epoch ms. */
  readonly listedAt: number;
  /** The oldest sandbox that the list does have was ready then; `undefined` when it has none of ours. */
  readonly oldestShownAt: number | undefined;
}

/**
 * The loss after one more list without the sandbox. A list proves something only if it has a sandbox from before
 * the loss: an engine that shows none of that time is another engine, or its data is not mounted.
 */
export function nextLoss(known: Loss | undefined, lack: Lack): Loss {
  const since = known?.since ?? lack.listedAt;
  const isProof = lack.oldestShownAt !== undefined && lack.oldestShownAt < since;
  if (!isProof) return keepIfSame(known, { since, provenSince: undefined });
  return keepIfSame(known, { since, provenSince: known?.provenSince ?? lack.listedAt });
}

/** Lists have lacked it for so long that it will not come back. */
export function isGivenUp(loss: Loss, listedAt: number): boolean {
  return loss.provenSince !== undefined && listedAt - loss.provenSince >= GRACE_MS;
}

function keepIfSame(known: Loss | undefined, next: Loss): Loss {
  return known?.since === next.since && known.provenSince === next.provenSince ? known : next;
}
