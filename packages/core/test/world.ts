import type { Scope } from '@opensandbox/base';
import { openScope, silentLogger } from '@opensandbox/base';
import type { FakeConfig } from '@opensandbox/driver-fake';
import { FakeEngine, fakeConfig, openFakeDriver, openFakeProbe } from '@opensandbox/driver-fake';
import type { LogCapture } from '@opensandbox/testkit';
import {
  captureLog,
  FakeClock,
  MemorySnapshotStore,
  MemoryStore,
  newSandboxId,
  sampleSpec,
  settle,
} from '@opensandbox/testkit';
import type {
  AgentProbe,
  CreateSandbox,
  Lifecycle,
  LifecycleOptions,
  RenewOnAccessOptions,
  RuntimeDriver,
  Sandbox,
  SandboxId,
  SandboxRecord,
  SandboxStore,
  SnapshotStore,
} from '../src/index.ts';
import { openLifecycle } from '../src/index.ts';
import { Guillotine } from './guillotine.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const DAY = 24 * 60 * MINUTE;

export interface WorldOptions {
  readonly config?: Partial<FakeConfig>;
  readonly options?: Partial<LifecycleOptions>;
  readonly driver?: (driver: RuntimeDriver) => RuntimeDriver;
  readonly probe?: (probe: AgentProbe) => AgentProbe;
  readonly store?: SandboxStore;
  readonly clock?: FakeClock;
  readonly engine?: FakeEngine;
  readonly renewOnAccess?: RenewOnAccessOptions;
}

export const OPTIONS: LifecycleOptions = {
  maxTimeoutSeconds: undefined,
  failureTtlMs: 3600 * SECOND,
  resolveWaitMs: 180 * SECOND,
  removeWaitMs: 60 * SECOND,
  provisionConcurrency: 8,
  sweepIntervalMs: 10 * SECOND,
};

/** A control plane over an engine in memory. The engine, the store and time outlive its process. */
export class World {
  readonly clock: FakeClock;
  readonly engine: FakeEngine;
  readonly store: SandboxStore;
  readonly snapshots: SnapshotStore = new MemorySnapshotStore();
  readonly log: LogCapture = captureLog();
  readonly signal = new AbortController().signal;
  readonly #options: WorldOptions;
  #scope: Scope = openScope(silentLogger);
  #lifecycle: Lifecycle | undefined;
  #guillotine = new Guillotine();

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.clock = options.clock ?? new FakeClock();
    this.engine = options.engine ?? new FakeEngine(this.clock);
    this.store = options.store ?? new MemoryStore();
  }

  get lifecycle(): Lifecycle {
    if (this.#lifecycle === undefined) throw new Error('the world has not been started');
    return this.#lifecycle;
  }

  /** Starts the process; resolves when it serves. */
  async start(guillotine = new Guillotine()): Promise<this> {
    this.#guillotine = guillotine;
    this.#scope = openScope(this.log);
    const clock = guillotine.clock(this.clock);
    const config = fakeConfig(this.#options.config);
    const driver = await openFakeDriver(config, { clock, engine: this.engine }, this.#scope);
    const probe = openFakeProbe(this.engine);
    this.#lifecycle = await openLifecycle(
      {
        driver: guillotine.driver(this.#options.driver?.(driver) ?? driver),
        store: guillotine.store(this.store),
        snapshotStore: guillotine.snapshotStore(this.snapshots),
        probe: guillotine.probe(this.#options.probe?.(probe) ?? probe),
        clock,
        log: this.log,
        newId: newSandboxId,
        random: () => 0.5,
        renewOnAccess: this.#options.renewOnAccess,
        options: { ...OPTIONS, ...this.#options.options },
      },
      this.#scope,
    );
    return this;
  }

  /** SIGKILL: nothing is closed, nothing is told. */
  kill(): void {
    this.#guillotine.fall();
    this.#lifecycle = undefined;
  }

  /** A graceful end. */
  async stop(): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
    this.#lifecycle = undefined;
  }

  create(env: Readonly<Record<string, string>> = {}, change: Partial<CreateSandbox> = {}): Promise<Sandbox> {
    const spec = sampleSpec({ env: Object.entries(env) });
    return this.lifecycle.create({ spec, metadata: {}, timeoutSeconds: undefined, ...change }, this.signal);
  }

  /** Creates and waits until it left Pending. */
  async running(
    env: Readonly<Record<string, string>> = {},
    change: Partial<CreateSandbox> = {},
  ): Promise<SandboxId> {
    const { record } = await this.create(env, change);
    await this.clock.advanceUntil(() => this.record(record.id)?.provisioning.phase !== 'pending');
    return record.id;
  }

  record(id: SandboxId): SandboxRecord | undefined {
    return this.store.get(id);
  }

  state(id: SandboxId): string {
    return this.lifecycle.get(id).status.state;
  }

  settle(): Promise<void> {
    return settle();
  }
}
