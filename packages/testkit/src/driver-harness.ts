import type { RuntimeDriver, SandboxId, SandboxSpec } from '@opensandbox/core/ports';

/** What a sandbox of the suite should do once it runs. */
export type SpecWish =
  /** Runs until it is removed. */
  | { readonly does: 'stay' }
  /** Its main process ends by itself with this code within a second or so. */
  | { readonly does: 'exit'; readonly code: number }
  /** Creating it fails for good, for instance because its image exists nowhere. */
  | { readonly does: 'fail' }
  /** Its main process is killed because it uses more memory than it may. */
  | { readonly does: 'run-out-of-memory' };

/** Somebody at the engine's own console: changes sandboxes behind the driver's back. */
export interface Outsider {
  /** Kills the main process; what is left stays on the engine. */
  kill(id: SandboxId): Promise<void>;
  /** Removes the sandbox's main object. */
  remove(id: SandboxId): Promise<void>;
  pause?(id: SandboxId): Promise<void>;
  unpause?(id: SandboxId): Promise<void>;
  /** Stops the engine and starts it again; sandboxes may die of it, but not vanish. */
  restartEngine?(): Promise<void>;
}

/** One driver, opened for one test. */
export interface DriverHarness {
  readonly driver: RuntimeDriver;
  /** `undefined` when the engine cannot show this behaviour; the test is then skipped, and says so. */
  makeSpec(wish: SpecWish): SandboxSpec | undefined;
  readonly outsider: Outsider;
  /** Names everything on the engine that this driver made for sandboxes: containers, volumes, sidecars. */
  leftovers(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export type OpenDriverHarness = () => Promise<DriverHarness>;

export interface ConformanceOptions {
  /** `false` when the harness shares its engine with others and must not restart it. */
  readonly restartsEngine?: boolean;
  /** `false` when the engine shows such an end only as one with an exit code. */
  readonly tellsOutOfMemory?: boolean;
  /** How long one engine operation may take before the suite calls it hung. */
  readonly patienceMs?: number;
  /** How long news of a change may take to arrive through `observe`. */
  readonly newsMs?: number;
  /** How often create is aborted at another moment. */
  readonly abortRounds?: number;
}
