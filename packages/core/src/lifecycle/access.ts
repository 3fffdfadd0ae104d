import type { SandboxId } from '../sandbox.ts';

/** Who saw that a sandbox is in use: this server's own proxy, or a gateway that left word. */
export type AccessSource = 'server_proxy' | 'redis_queue';

/**
 * What became of an access. `ineligible`: no such sandbox, or one that does not run, does not expire or did not ask
 * for it. `cooling`: tried a moment ago, or about to be. `unneeded`: it lives about as long already. `elsewhere`:
 * another server has just done it.
 */
export type AccessOutcome = 'renewed' | 'failed' | 'ineligible' | 'cooling' | 'unneeded' | 'elsewhere';

export interface RenewOnAccessOptions {
  /** Shortest time between two attempts on one sandbox, successful or not. */
  readonly minIntervalMs: number;
  /** How many sandboxes are renewed at the same time; the others wait in order. */
  readonly concurrency: number;
  /**
   * Asks the other servers for the right to renew: 0 grants it, anything else is how long to leave the sandbox alone, in
   * milliseconds. Answers soon, whatever happens to those it asks; rejecting counts as granted.
   */
  readonly claim?: ((id: SandboxId, signal: AbortSignal) => Promise<number>) | undefined;
  /** Told of every outcome, for metrics. Must not throw. */
  readonly counted?: ((outcome: AccessOutcome, source: AccessSource) => void) | undefined;
}
