import { openScope, silentLogger } from '@opensandbox/base';
import type { Scope } from '@opensandbox/base';
import { captureLog, FakeClock } from '@opensandbox/testkit';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Deadlines } from './deadlines.ts';
import { openDeadlines } from './deadlines.ts';
import { DueHeap } from './due-heap.ts';
import { sandboxId } from './sandbox.ts';

const A = sandboxId('a');
const B = sandboxId('b');
const DAY = 86_400_000;

describe('deadlines', () => {
  let clock: FakeClock;
  let scope: Scope;
  let deadlines: Deadlines;
  let fired: string[];
  let failures: number;
  const log = captureLog();

  beforeEach(() => {
    clock = new FakeClock(0);
    scope = openScope(silentLogger);
    fired = [];
    failures = 0;
    const onDue = async (id: string): Promise<void> => {
      fired.push(`${id}@${clock.now()}`);
      if (failures > 0) {
        failures -= 1;
        throw new Error('not now');
      }
    };
    const backoff = { firstMs: 1000, longestMs: 60_000, jitter: 0, random: () => 0.5 };
    deadlines = scope.own(openDeadlines({ clock, log, backoff, onDue }, scope));
  });

  afterEach(async () => {
    await scope[Symbol.asyncDispose]();
    expect(clock.pending).toHaveLength(0);
  });

  it('fire in the order of their times, with one timer armed', async () => {
    deadlines.set(B, 200);
    deadlines.set(A, 100);
    expect(clock.pending).toHaveLength(1);
    await clock.advance(300);
    expect(fired).toEqual(['a@100', 'b@200']);
  });

  it('can be moved either way and taken away', async () => {
    deadlines.set(A, 100);
    deadlines.set(A, 300);
    deadlines.set(B, 300);
    deadlines.set(B, 50);
    await clock.advance(200);
    expect(fired).toEqual(['b@50']);
    deadlines.set(A, undefined);
    await clock.advance(200);
    expect(fired).toEqual(['b@50']);
    expect(deadlines.has(A)).toBe(false);
  });

  it.each([30 * DAY, 10_000 * DAY])('wait %i ms without firing early', async (ms) => {
    deadlines.set(A, ms);
    await clock.advance(ms - 1);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual([`a@${ms}`]);
  });

  it('are tried again with growing waits until it works', async () => {
    failures = 3;
    deadlines.set(A, 100);
    await clock.advance(100);
    expect(deadlines.isRetrying(A)).toBe(true);
    await clock.advance(60_000);
    expect(fired).toEqual(['a@100', 'a@1100', 'a@3100', 'a@7100']);
    expect(deadlines.has(A)).toBe(false);
  });

  it('are noticed by a check after the clock leapt', async () => {
    deadlines.set(A, 10 * DAY);
    clock.leap(30 * DAY);
    deadlines.check();
    await clock.advance(0);
    expect(fired).toEqual([`a@${30 * DAY}`]);
  });

  it('of the past fire at once', async () => {
    await clock.advance(1000);
    deadlines.set(A, 5);
    await clock.advance(0);
    expect(fired).toEqual(['a@1000']);
  });
});

describe('DueHeap', () => {
  it('gives everything back in order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000)), (times) => {
        const heap = new DueHeap();
        for (const time of times) heap.push({ time, id: A });
        const sorted = times.map(() => heap.shift()?.time);
        expect(sorted).toEqual([...times].sort((a, b) => a - b));
        expect(heap.shift()).toBeUndefined();
      }),
    );
  });
});
