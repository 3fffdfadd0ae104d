import type { Clock, Fault, Logger, Scope } from '@opensandbox/base';
import type { Diagnostics } from '../diagnostics/diagnostics.ts';
import type { Page } from '../page.ts';
import type { AgentProbe } from '../ports/agent-probe.ts';
import type { RuntimeDriver } from '../ports/runtime-driver.ts';
import type { SandboxStore } from '../ports/sandbox-store.ts';
import type { SnapshotStore } from '../ports/snapshot-store.ts';
import type { Moment, Reach, Sandbox, SandboxId, SandboxSpec } from '../sandbox.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { AccessSource, RenewOnAccessOptions } from './access.ts';

export interface CreateSandbox {
  readonly spec: SandboxSpec;
  readonly metadata: Readonly<Record<string, string>>;
  /** `undefined` means manual cleanup. */
  readonly timeoutSeconds: number | bigint | undefined;
}

export interface SandboxQuery {
  /** Any of these states, compared without case; `undefined` means every state. */
  readonly states: readonly string[] | undefined;
  /** All of these pairs, compared exactly. */
  readonly metadata: Readonly<Record<string, string>>;
  /** 1 is the first page. */
  readonly page: number;
  readonly pageSize: number;
}

/** The address of one port of one sandbox. */
export interface PortAddress {
  readonly reach: Exclude<Reach, { kind: 'none' }>;
  /** Port to dial at the reach's host. */
  readonly port: number;
  /** Path prefix to put before the request path: `''`, or `/proxy/3000` when the agent forwards. */
  readonly pathPrefix: string;
}

/** What a client can ask of sandboxes. Every verb rejects only with Fault. */
export interface Lifecycle {
  /**
   * Admits and records the sandbox, then answers; provisioning goes on in the background, detached from the
   * caller's signal. Rejects with `invalid`, `unsupported` before anything is written.
   */
  create(request: CreateSandbox, signal: AbortSignal): Promise<Sandbox>;
  /** Resolves when the sandbox left Pending, or after `waitMs`, with what it is then. */
  waitSettled(id: SandboxId, waitMs: number, signal: AbortSignal): Promise<Sandbox>;
  get(id: SandboxId): Sandbox;
  list(query: SandboxQuery): Page<Sandbox>;
  /**
   * Resolves when nothing is left of it. Parallel calls share one removal; later ones get `not_found`. Rejects with
   * `engine.timeout` when the configured wait has passed: the removal is recorded and goes on.
   */
  destroy(id: SandboxId, signal: AbortSignal): Promise<void>;
  pause(id: SandboxId, signal: AbortSignal): Promise<void>;
  resume(id: SandboxId, signal: AbortSignal): Promise<void>;
  /** Sets a new deadline; resolves with it in epoch ms when it is durable. It acts to the millisecond. */
  renew(id: SandboxId, expiresAt: number | Moment, signal: AbortSignal): Promise<number>;
  /**
   * Somebody uses the sandbox: prolongs it in the background if it asked for that when it was created. Never throws, never
   * waits, never shortens a deadline; does nothing for ids that are not there.
   */
  accessed(id: SandboxId, source: AccessSource): void;
  /** Merge patch: text sets, `undefined` deletes, absent keeps. */
  patchMetadata(
    id: SandboxId,
    patch: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
  ): Promise<Sandbox>;
  /**
   * The address of a port. Of a Pending sandbox it waits until the address is known, provisioning failed (the
   * Fault that ended it), the sandbox was deleted, `signal` aborted, or the configured wait passed.
   */
  resolve(id: SandboxId, port: number, signal: AbortSignal): Promise<PortAddress>;
  /**
   * The address of a port for a request that is passed on to it. Rejects with `sandbox.not_found` (never heard of),
   * `sandbox.gone` (ended, failed, removed), `sandbox.paused`, and, when a short wait did not help, with
   * `sandbox.not_ready` (starting, pausing, resuming). Answers from what is known: no engine is asked.
   */
  visit(id: SandboxId, port: number, signal: AbortSignal): Promise<PortAddress>;
  /** What is kept of sandboxes, for new ones to start from. */
  readonly snapshots: Snapshots;
  /** Texts for people who want to know what is wrong. */
  readonly diagnostics: Diagnostics;
}

export interface LifecycleOptions {
  /** Longest timeout a create may ask for, seconds; `undefined` means no limit. */
  readonly maxTimeoutSeconds: number | undefined;
  /** How long a failed provisioning stays readable. */
  readonly failureTtlMs: number;
  /** How long `resolve` waits for a Pending sandbox. */
  readonly resolveWaitMs: number;
  /** How long `visit` waits for a sandbox that is on its way; 5 s when absent. */
  readonly visitWaitMs?: number | undefined;
  /** How long `destroy` keeps its caller waiting; the removal itself goes on. */
  readonly removeWaitMs: number;
  /** How many sandboxes are provisioned at the same time; the others wait their turn. */
  readonly provisionConcurrency: number;
  readonly sweepIntervalMs: number;
}

export interface LifecycleDeps {
  readonly driver: RuntimeDriver;
  readonly store: SandboxStore;
  readonly snapshotStore: SnapshotStore;
  readonly probe: AgentProbe;
  readonly clock: Clock;
  readonly log: Logger;
  readonly newId: () => SandboxId;
  /** How a Fault reads where clients only see a sentence; its message alone when absent. */
  readonly explain?: ((fault: Fault) => string) | undefined;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly options: LifecycleOptions;
  /** Absent: accesses prolong nothing. */
  readonly renewOnAccess?: RenewOnAccessOptions | undefined;
}

/** Opens the domain: restores deadlines, starts the loops in `scope`, resolves after the first engine snapshot. */
export type OpenLifecycle = (deps: LifecycleDeps, scope: Scope) => Promise<Lifecycle>;
