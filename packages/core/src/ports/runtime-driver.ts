import type { DiagnosticsFacet } from './diagnostics.ts';
import type { SnapshotFacet } from './snapshots.ts';
import type { Observation, Progress, SandboxId, SandboxRecord, SandboxSpec } from '../sandbox.ts';

/**
 * Runs sandboxes on one engine.
 *
 * Words: a *record* is what was asked for; an *observation* is what the engine said, stamped with the moment
 * the reading began. A driver never decides whether a sandbox should exist; it makes it so.
 *
 * All methods: reject only with Fault; honour `signal`; are bounded in time; are safe to repeat after a
 * crash. Fault codes come from `FAULT_CODES`.
 */
export interface RuntimeDriver {
  /** Stable word that selects the public error codes: `docker`, `kubernetes`, `local`, `fake`. */
  readonly name: string;

  /**
   * Checks what can be known before a sandbox is promised: features this driver refuses, networks that must
   * exist, entrypoints that cannot be split. Resolves with the spec as it will run (an entrypoint that this
   * engine splits, split). Quick; creates nothing; rejects with `invalid` or `unsupported`.
   */
  admit(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxSpec>;

  /**
   * Makes the sandbox exist and start, and returns when its main process has been started. Repeating with the
   * same id adopts what is already there. On failure, abort included, nothing is left behind.
   * `report` may be called often and must be cheap.
   */
  create(
    record: SandboxRecord,
    report: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<Observation>;

  /**
   * Removes the sandbox and everything created for it, whatever state it is in. Absent is success, and is said: an
   * engine whose data is away for the moment has nothing either.
   */
  destroy(id: SandboxId, signal: AbortSignal): Promise<Removal>;

  inspect(id: SandboxId, signal: AbortSignal): Promise<Observation | undefined>;

  /**
   * First element is always a full snapshot; then changes, and further snapshots at the driver's leisure.
   * Ends or throws when the engine link is lost. The caller reconnects; the driver never does.
   */
  observe(signal: AbortSignal): AsyncIterable<EngineEvent>;

  readonly pausing?: PauseFacet;
  readonly snapshots?: SnapshotFacet;
  readonly diagnostics?: DiagnosticsFacet;
}

/** Whether there was anything of the sandbox. */
export type Removal = 'removed' | 'absent';

export type EngineEvent =
  | { readonly type: 'snapshot'; readonly readAt: number; readonly observations: readonly Observation[] }
  | ({ readonly type: 'observed'; readonly observation: Observation } & Happening)
  | ({ readonly type: 'gone'; readonly id: SandboxId; readonly readAt: number } & Happening);

/** When the engine says that it happened, epoch milliseconds; absent when no event of the engine led to the reading. */
export interface Happening {
  readonly happenedAt?: number | undefined;
}

/**
 * Freezes and thaws. Both reject with `conflict` (`sandbox.not_running`, `sandbox.not_paused`) when the engine
 * says the sandbox is not in the state that the verb needs.
 */
export interface PauseFacet {
  pause(id: SandboxId, signal: AbortSignal): Promise<Observation>;
  resume(id: SandboxId, signal: AbortSignal): Promise<Observation>;
}
