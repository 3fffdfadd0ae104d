import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReplayRing } from './replay-ring.ts';

describe('a replay ring', () => {
  it('is empty at first', () => {
    const ring = createReplayRing(8);
    expect(ring.total).toBe(0);
    expect(ring.since(0)).toEqual({ offset: 0, bytes: new Uint8Array() });
    expect(ring.since(5)).toEqual({ offset: 0, bytes: new Uint8Array() });
  });

  it('begins with the oldest byte it kept when an older one is asked for', () => {
    const ring = createReplayRing(4);
    ring.push(new Uint8Array([1, 2, 3, 4, 5, 6]));
    expect(ring.since(0)).toEqual({ offset: 2, bytes: new Uint8Array([3, 4, 5, 6]) });
    expect(ring.since(6)).toEqual({ offset: 6, bytes: new Uint8Array() });
    expect(ring.since(1e9)).toEqual({ offset: 6, bytes: new Uint8Array() });
  });

  it('answers like one that keeps everything and forgets the beginning', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 12 });
    const capacities = fc.constantFrom(1, 7, 4096, 5000, 20_000);
    fc.assert(
      fc.property(pieces, capacities, fc.double({ min: 0, max: 1.2, noNaN: true }), (all, capacity, part) => {
        const ring = createReplayRing(capacity);
        for (const piece of all) ring.push(piece);
        const whole = Buffer.concat(all);
        const wanted = Math.floor(part * whole.length);
        const offset = Math.min(Math.max(wanted, whole.length - capacity, 0), whole.length);
        const answer = ring.since(wanted);
        expect([ring.total, answer.offset]).toEqual([whole.length, offset]);
        expect(Buffer.compare(answer.bytes, whole.subarray(offset))).toBe(0);
      }),
    );
  });

  it('hands out copies that later bytes do not change', () => {
    const ring = createReplayRing(2);
    ring.push(new Uint8Array([1, 2]));
    const { bytes } = ring.since(0);
    ring.push(new Uint8Array([3, 4]));
    expect([...bytes]).toEqual([1, 2]);
  });
});
