import { DueHeap } from './due-heap.ts';
import type { SandboxId } from './sandbox.ts';

/** How many entries that no longer count the heap may hold before it is built anew. */
const SLACK = 64;

/** At most one time for each sandbox, and which comes first. */
export class DeadlineQueue {
  readonly #times = new Map<SandboxId, number>();
  #heap = new DueHeap();

  /** Replaces the time of a sandbox; `undefined` takes it away. */
  set(id: SandboxId, time: number | undefined): void {
    if (time === undefined) {
      this.#times.delete(id);
      return;
    }
    this.#times.set(id, time);
    this.#heap.push({ id, time });
    if (this.#heap.size > 2 * this.#times.size + SLACK) this.#rebuild();
  }

  has(id: SandboxId): boolean {
    return this.#times.has(id);
  }

  earliest(): number | undefined {
    this.#dropOutdated();
    return this.#heap.first?.time;
  }

  /** Takes out the first whose time has come. */
  takeDue(now: number): SandboxId | undefined {
    this.#dropOutdated();
    const first = this.#heap.first;
    if (first === undefined || first.time > now) return undefined;
    this.#heap.shift();
    this.#times.delete(first.id);
    return first.id;
  }

  /** Renewals leave their old entries in the heap. */
  #dropOutdated(): void {
    for (let first = this.#heap.first; first !== undefined; first = this.#heap.first) {
      if (this.#times.get(first.id) === first.time) return;
      this.#heap.shift();
    }
  }

  #rebuild(): void {
    this.#heap = new DueHeap();
    for (const [id, time] of this.#times) this.#heap.push({ id, time });
  }
}
