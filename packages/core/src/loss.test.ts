import { describe, expect, it } from 'vitest';
import { isGivenUp, nextLoss } from './loss.ts';

const MINUTE = 60_000;

describe('nextLoss', () => {
  it('begins with the first list that lacks the sandbox', () => {
    const loss = nextLoss(undefined, { listedAt: 50, oldestShownAt: undefined });
    expect(loss).toEqual({ since: 50, provenSince: undefined });
  });

  it.each<[string, number | undefined, number | undefined]>([
    ['nothing', undefined, undefined],
    ['only what was made since', 51, undefined],
    ['what was first seen in the very list that lacked it', 50, undefined],
    ['something from before the loss', 49, 70],
  ])('is proven by a list that shows %s: %s → %s', (_what, oldestShownAt, provenSince) => {
    const known = { since: 50, provenSince: undefined };
    expect(nextLoss(known, { listedAt: 70, oldestShownAt })).toEqual({ since: 50, provenSince });
  });

  it('stays the same while nothing changes, so that nothing is written', () => {
    const known = { since: 50, provenSince: 60 };
    expect(nextLoss(known, { listedAt: 70, oldestShownAt: 1 })).toBe(known);
    const unproven = { since: 50, provenSince: undefined };
    expect(nextLoss(unproven, { listedAt: 70, oldestShownAt: undefined })).toBe(unproven);
  });

  it('is no longer proven when a list shows nothing from before it', () => {
    const known = { since: 50, provenSince: 60 };
    expect(nextLoss(known, { listedAt: 70, oldestShownAt: undefined }).provenSince).toBeUndefined();
  });
});

describe('isGivenUp', () => {
  it.each<[number | undefined, number, boolean]>([
    [undefined, 1000 * MINUTE, false],
    [0, 10 * MINUTE - 1, false],
    [0, 10 * MINUTE, true],
  ])('of a loss proven since %s, at %s: %s', (provenSince, listedAt, expected) => {
    expect(isGivenUp({ since: 0, provenSince }, listedAt)).toBe(expected);
  });
});
