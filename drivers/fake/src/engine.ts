import type { Clock } from '@opensandbox/base';
import { Fault } from '@opensandbox/base';
import type { EngineEvent, Observation, Reach, SandboxId, SandboxRecord } from '@opensandbox/core/ports';
import { FakeImages } from './images.ts';
import type { Script } from './script.ts';

/** What the fake engine holds of one sandbox. */
interface Box {
  readonly record: SandboxRecord;
  readonly reach: Reach;
  readonly script: Script;
  phase: 'starting' | 'running' | 'paused' | 'exited';
  exitCode: number | undefined;
  oomKilled: boolean;
  finishedAt: number | undefined;
  timer: Disposable | undefined;
}

export interface Listener {
  event(event: EngineEvent): void;
  lost(fault: Fault): void;
}

export type Verb =
  | 'admit'
  | 'capture'
  | 'create'
  | 'destroy'
  | 'diagnose'
  | 'forget'
  | 'inspect'
  | 'observe'
  | 'pause'
  | 'recover'
  | 'resume';

/**
 * An engine in memory. Drivers come and go; it stays, as a real engine does when the server is killed. Its
 * methods are what people and accidents do to an engine; the driver uses them as well.
 */
export class FakeEngine implements Disposable {
  readonly clock: Clock;
  readonly images = new FakeImages();
  readonly #boxes = new Map<SandboxId, Box>();
  readonly #listeners = new Set<Listener>();
  readonly #failures = new Map<Verb, Fault[]>();
  #held: EngineEvent[] | undefined;
  #isAway = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get ids(): readonly SandboxId[] {
    return [...this.#boxes.keys()];
  }

  usesSnapshot(snapshotId: string): boolean {
    return [...this.#boxes.values()].some(({ record: { spec } }) => {
      return spec.source.kind === 'snapshot' && spec.source.snapshotId === snapshotId;
    });
  }

  script(id: SandboxId): Script | undefined {
    return this.#boxes.get(id)?.script;
  }

  /** The sandbox whose made-up address this is. */
  find(reach: Reach): SandboxId | undefined {
    const wanted = JSON.stringify(reach);
    return this.ids.find((id) => JSON.stringify(this.#boxes.get(id)?.reach) === wanted);
  }

  /** The next call of this verb fails with `fault`. Several wait in line. */
  failNext(verb: Verb, fault: Fault): void {
    this.#failures.set(verb, [...(this.#failures.get(verb) ?? []), fault]);
  }

  /** The engine's process is gone: every call fails and every listener loses its link. Sandboxes live on. */
  goAway(): void {
    this.#isAway = true;
    for (const listener of [...this.#listeners]) listener.lost(engineAway());
    this.#listeners.clear();
  }

  comeBack(): void {
    this.#isAway = false;
  }

  /** Keeps news back until `releaseNews`, as a slow link does. */
  holdNews(): void {
    this.#held ??= [];
  }

  releaseNews(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.#publish(event);
  }

  /** Sends every listener a full snapshot: a fresh one, or one whose reading began earlier. */
  relist(snapshot = this.snapshot()): void {
    this.#publish(snapshot);
  }

  add(record: SandboxRecord, script: Script, reach: Reach): void {
    this.#boxes.set(record.id, {
      record,
      reach,
      script,
      phase: 'starting',
      exitCode: undefined,
      oomKilled: false,
      finishedAt: undefined,
      timer: undefined,
    });
    this.#tell(record.id);
  }

  start(id: SandboxId): void {
    const box = this.#boxes.get(id);
    if (box?.phase !== 'starting') return;
    box.phase = 'running';
    const { exit } = box.script;
    if (exit !== undefined) {
      box.timer = this.clock.at(this.clock.now() + exit.afterMs, () =>
        this.kill(id, exit.code, exit.oomKilled),
      );
    }
    this.#tell(id);
  }

  /** The main process ends, from inside or by somebody's signal. */
  kill(id: SandboxId, exitCode = 137, oomKilled = false): void {
    const box = this.#boxes.get(id);
    if (box === undefined || box.phase === 'exited') return;
    box.timer?.[Symbol.dispose]();
    Object.assign(box, {
      phase: 'exited',
      exitCode,
      oomKilled,
      finishedAt: this.clock.now(),
      timer: undefined,
    });
    this.#tell(id);
  }

  pause(id: SandboxId): boolean {
    return this.#swap(id, 'running', 'paused');
  }

  unpause(id: SandboxId): boolean {
    return this.#swap(id, 'paused', 'running');
  }

  /** `silently` keeps the news to itself, as an engine does that dropped an event. */
  remove(id: SandboxId, silently = false): void {
    const box = this.#boxes.get(id);
    if (box === undefined) return;
    box.timer?.[Symbol.dispose]();
    this.#boxes.delete(id);
    if (!silently) this.#publish({ type: 'gone', id, readAt: this.clock.now() });
  }

  read(id: SandboxId): Observation | undefined {
    const box = this.#boxes.get(id);
    return box && observe(box, this.clock.now());
  }

  snapshot(): EngineEvent {
    const readAt = this.clock.now();
    return {
      type: 'snapshot',
      readAt,
      observations: [...this.#boxes.values()].map((box) => observe(box, readAt)),
    };
  }

  listen(listener: Listener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** What a driver does first with every call. */
  checkReachable(verb: Verb): void {
    if (this.#isAway) throw engineAway();
    const fault = this.#failures.get(verb)?.shift();
    if (fault !== undefined) throw fault;
  }

  /** Stops its timers. */
  [Symbol.dispose](): void {
    for (const box of this.#boxes.values()) box.timer?.[Symbol.dispose]();
  }

  #swap(id: SandboxId, from: Box['phase'], to: Box['phase']): boolean {
    const box = this.#boxes.get(id);
    if (box?.phase !== from) return false;
    box.phase = to;
    this.#tell(id);
    return true;
  }

  #tell(id: SandboxId): void {
    const observation = this.read(id);
    if (observation !== undefined) this.#publish({ type: 'observed', observation });
  }

  #publish(event: EngineEvent): void {
    if (this.#held !== undefined) this.#held.push(event);
    else for (const listener of [...this.#listeners]) listener.event(event);
  }
}

function observe(box: Box, readAt: number): Observation {
  const { record } = box;
  return {
    id: record.id,
    phase: box.phase,
    engineState: box.phase,
    exitCode: box.exitCode,
    oomKilled: box.oomKilled,
    error: undefined,
    finishedAt: box.finishedAt,
    reach: box.phase === 'exited' ? { kind: 'none' } : box.reach,
    readAt,
    claim: {
      spec: record.spec,
      metadata: record.metadata,
      createdAt: record.createdAt,
      expiresAt: record.expiresAt,
    },
  };
}

function engineAway(): Fault {
  return new Fault(
    'unavailable',
    'engine.unavailable',
    'The fake engine is away. Bring it back and try again.',
  );
}
