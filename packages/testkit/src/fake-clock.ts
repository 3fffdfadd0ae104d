import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@opensandbox/base';

interface Timer {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
  /** Where it was armed, for the leak report. */
  readonly armedAt: string;
}

/** Runs everything that is ready without any time passing: promises, and what they start. */
export async function settle(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await nextTurn();
}

/** Time that moves only when a test says so. */
export class FakeClock implements Clock {
  #now: number;
  #order = 0;
  #timers: Timer[] = [];

  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  at(time: number, run: () => void): Disposable {
    this.#order += 1;
    const timer = { time, order: this.#order, run, armedAt: new Error('armed').stack ?? '' };
    this.#timers.push(timer);
    // A timer of the past fires on its own, but never inside this call: real timers do not either.
    if (time <= this.#now) queueMicrotask(() => this.#fire(timer));
    return { [Symbol.dispose]: () => void this.#drop(timer) };
  }

  /** Moves time forward and fires every timer on the way, in order, each at its own time. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await settle();
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#now = Math.max(this.#now, next.time);
      this.#fire(next);
      await settle();
    }
    this.#now = target;
    await settle();
  }

  /** The wall clock is set forward: `now` leaps, armed timers still wait as long as they had to. */
  leap(ms: number): void {
    this.#now += ms;
    this.#timers = this.#timers.map((timer) => ({ ...timer, time: timer.time + ms }));
  }

  /** Advances in steps until `done`; fails after `limitMs` of its own time. */
  async advanceUntil(done: () => boolean, stepMs = 10, limitMs = 3_600_000): Promise<void> {
    const end = this.#now + limitMs;
    await settle();
    while (!done()) {
      if (this.#now >= end) throw new Error(`the condition did not come true within ${limitMs} ms`);
      await this.advance(stepMs);
    }
  }

  get pending(): readonly { readonly time: number; readonly armedAt: string }[] {
    return this.#timers;
  }

  #next(limit: number): Timer | undefined {
    return this.#timers
      .filter((timer) => timer.time <= limit)
      .sort((a, b) => a.time - b.time || a.order - b.order)[0];
  }

  #fire(timer: Timer): void {
    if (this.#drop(timer)) timer.run();
  }

  #drop(timer: Timer): boolean {
    const before = this.#timers.length;
    this.#timers = this.#timers.filter((other) => other.order !== timer.order);
    return this.#timers.length < before;
  }
}
