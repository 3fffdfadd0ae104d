import type { Clock } from '@opensandbox/base';

export interface GuessLimitOptions {
  /** Wrong guesses that one sandbox takes within one window. */
  readonly guesses: number;
  readonly windowMs: number;
  /** Sandboxes remembered at a time; the one that was longest untouched is forgotten first. */
  readonly sandboxes: number;
}

/** Counts wrong credentials for each sandbox, in windows that begin with the first of them. */
export interface GuessLimit {
  /** Milliseconds until the sandbox takes guesses again; 0 when it does now. */
  waitMs(sandboxId: string): number;
  failed(sandboxId: string): void;
}

/**
 * 100 a minute: somebody who tries all 2^32 short signatures needs eighty years, and a client with a stale link is
 * never stopped.
 */
export const DEFAULT_GUESS_LIMIT: GuessLimitOptions = { guesses: 100, windowMs: 60_000, sandboxes: 10_000 };

export function createGuessLimit(options: GuessLimitOptions, clock: Clock): GuessLimit {
  const windows = new Map<string, { readonly endsAt: number; count: number }>();

  function current(sandboxId: string): { readonly endsAt: number; count: number } | undefined {
    const window = windows.get(sandboxId);
    if (window === undefined || window.endsAt > clock.now()) return window;
    windows.delete(sandboxId);
    return undefined;
  }

  return {
    waitMs(sandboxId) {
      const window = current(sandboxId);
      return window === undefined || window.count < options.guesses ? 0 : window.endsAt - clock.now();
    },
    failed(sandboxId) {
      const window = current(sandboxId) ?? { endsAt: clock.now() + options.windowMs, count: 0 };
      window.count += 1;
      windows.delete(sandboxId);
      windows.set(sandboxId, window);
      const [oldest] = windows.keys();
      if (windows.size > options.sandboxes && oldest !== undefined) windows.delete(oldest);
    },
  };
}
