/**
 * What a client knows of a sandbox that nobody but this client, and what it sends to the engine, touches. `ended`
 * has a container, `failed` has none.
 */
export type Fate = 'pending' | 'running' | 'paused' | 'ended' | 'failed' | 'gone';

export interface Entry {
  readonly id: string;
  fate: Fate;
  metadata: Readonly<Record<string, string>>;
  /** Epoch ms; a sandbox without a deadline has none. */
  expiresAt: number | undefined;
  /** Something was under way with it when a storm broke out: it may have happened or not. */
  isTouched: boolean;
}

/** The states that a client may see of each fate. */
export const STATES: Readonly<Record<Exclude<Fate, 'gone'>, readonly string[]>> = {
  pending: ['Pending', 'Running'],
  running: ['Running'],
  paused: ['Paused'],
  ended: ['Terminated', 'Failed'],
  failed: ['Failed'],
};

export function fateOf(state: string): Fate {
  switch (state) {
    case 'Running':
      return 'running';
    case 'Paused':
      return 'paused';
    case 'Terminated':
    case 'Failed':
      return 'ended';
    default:
      return 'pending';
  }
}

/** What a storm may have made of a sandbox. */
export function mayHaveBecome(entry: Entry, now: Fate, isEngineStorm: boolean): boolean {
  if (entry.fate === 'gone') return now === 'gone';
  if (entry.isTouched || now === entry.fate) return true;
  if (entry.fate === 'pending')
    return now === 'running' || (isEngineStorm && ['ended', 'failed'].includes(now));
  // An engine that ends takes its containers with it; it does not lose them.
  return isEngineStorm && now === 'ended' && entry.fate !== 'failed';
}
