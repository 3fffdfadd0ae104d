import type { SandboxId } from './sandbox.ts';

export interface Due {
  readonly time: number;
  readonly id: SandboxId;
}

/** A binary heap: the earliest first. */
export class DueHeap {
  #items: Due[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): Due | undefined {
    return this.#items[0];
  }

  push(due: Due): void {
    let at = this.#items.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isEarlier(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  shift(): Due | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (this.#items.length > 0 && last !== undefined) {
      this.#items[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #sink(start: number): void {
    let at = start;
    for (;;) {
      const left = 2 * at + 1;
      let least = at;
      if (this.#isEarlier(left, least)) least = left;
      if (this.#isEarlier(left + 1, least)) least = left + 1;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const [left, right] = [this.#items[a], this.#items[b]];
    return left !== undefined && right !== undefined && left.time < right.time;
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#items[a], this.#items[b]];
    if (left === undefined || right === undefined) return;
    this.#items[a] = right;
    this.#items[b] = left;
  }
}
