import type { Clock } from '@opensandbox/base';
import type { AgentProbe, RuntimeDriver, SandboxStore, SnapshotStore } from '../src/index.ts';

/**
 * Kills a process between two of its steps. Everything a server does to the world passes here; from the fatal
 * step on nothing gets through any more and nothing is answered, as after SIGKILL.
 */
export class Guillotine {
  /** How many steps there were. */
  steps = 0;
  readonly #fatalStep: number;
  #isDead = false;

  constructor(fatalStep = Infinity) {
    this.#fatalStep = fatalStep;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  fall(): void {
    this.#isDead = true;
  }

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      at: (time, run) => clock.at(time, () => (this.#isDead ? undefined : run())),
    };
  }

  store(store: SandboxStore): SandboxStore {
    return {
      get: (id) => store.get(id),
      list: () => store.list(),
      insert: (record) => this.#step(() => store.insert(record)),
      update: (id, change) => this.#step(() => store.update(id, change)),
      remove: (id) => this.#step(() => store.remove(id)),
    };
  }

  snapshotStore(store: SnapshotStore): SnapshotStore {
    return {
      get: (id) => store.get(id),
      list: () => store.list(),
      insert: (record) => this.#step(() => store.insert(record)),
      update: (id, change) => this.#step(() => store.update(id, change)),
      remove: (id) => this.#step(() => store.remove(id)),
    };
  }

  driver(driver: RuntimeDriver): RuntimeDriver {
    const { pausing, snapshots, diagnostics } = driver;
    return {
      name: driver.name,
      admit: (spec, signal) => this.#step(() => driver.admit(spec, signal)),
      create: (record, report, signal) => this.#step(() => driver.create(record, report, signal)),
      destroy: (id, signal) => this.#step(() => driver.destroy(id, signal)),
      inspect: (id, signal) => this.#step(() => driver.inspect(id, signal)),
      observe: (signal) => this.#observe(driver, signal),
      ...(diagnostics && { diagnostics }),
      ...(pausing && {
        pausing: {
          pause: (id, signal) => this.#step(() => pausing.pause(id, signal)),
          resume: (id, signal) => this.#step(() => pausing.resume(id, signal)),
        },
      }),
      ...(snapshots && {
        snapshots: {
          capture: (wish, report, signal) => this.#step(() => snapshots.capture(wish, report, signal)),
          recover: (wish, report, signal) => this.#step(() => snapshots.recover(wish, report, signal)),
          remove: (id, signal) => this.#step(() => snapshots.remove(id, signal)),
        },
      }),
    };
  }

  probe(probe: AgentProbe): AgentProbe {
    return { waitReady: (reach, signal) => this.#step(() => probe.waitReady(reach, signal)) };
  }

  /** One moment before the work, one between the work and its answer. */
  async #step<T>(work: () => Promise<T>): Promise<T> {
    await this.#moment();
    try {
      return await work();
    } finally {
      await this.#moment();
    }
  }

  async #moment(): Promise<void> {
    this.steps += 1;
    if (this.steps >= this.#fatalStep) this.fall();
    if (this.#isDead) await new Promise<never>(() => undefined);
  }

  async *#observe(driver: RuntimeDriver, signal: AbortSignal): ReturnType<RuntimeDriver['observe']> {
    for await (const event of driver.observe(signal)) {
      if (this.#isDead) await new Promise<never>(() => undefined);
      yield event;
    }
  }
}
