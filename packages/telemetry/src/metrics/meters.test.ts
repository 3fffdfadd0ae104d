import { describe, expect, it } from 'vitest';
import { createMeters } from './meters.ts';
import type { Meters } from './meters.ts';

const family = (meters: Meters, name: string) => meters.collect().find((metric) => metric.name === name);

describe('createMeters', () => {
  it('adds up a counter by its labels', () => {
    const meters = createMeters();
    const counter = meters.counter({ name: 'a_total', help: 'A.', labels: ['method', 'status'] });
    const bound = counter.of('GET', '200');
    bound.add(1);
    counter.of('GET', '404').add(2);
    bound.add(3);
    expect(family(meters, 'a_total')?.series).toEqual([
      { labels: { method: 'GET', status: '200' }, value: 4 },
      { labels: { method: 'GET', status: '404' }, value: 2 },
    ]);
  });

  it('shows a metric without labels before anything was counted', () => {
    const meters = createMeters();
    meters.counter({ name: 'a_total', help: 'A.' });
    meters.histogram({ name: 'b_seconds', help: 'B.', bounds: [1] });
    expect(family(meters, 'a_total')?.series).toEqual([{ labels: {}, value: 0 }]);
    expect(family(meters, 'b_seconds')?.series).toHaveLength(1);
  });

  it('sorts what a histogram is told into buckets, a value on a bound into the lower one', () => {
    const meters = createMeters();
    const histogram = meters.histogram({ name: 'b_seconds', help: 'B.', bounds: [1, 2] }).of();
    for (const value of [0, 1, 1.5, 2, 99]) histogram.record(value);
    expect(family(meters, 'b_seconds')?.series).toEqual([
      { labels: {}, value: { bounds: [1, 2], counts: [2, 2, 1], sum: 103.5, count: 5 } },
    ]);
  });

  it('puts what comes after the first thousand series into one', () => {
    const meters = createMeters();
    const counter = meters.counter({ name: 'a_total', help: 'A.', labels: ['who'] });
    for (let at = 0; at < 1500; at += 1) counter.of(`w${at}`).add(1);
    const series = family(meters, 'a_total')?.series ?? [];
    expect(series).toHaveLength(1001);
    expect(series.at(-1)).toEqual({ labels: { who: 'other' }, value: 500 });
  });

  it('reads an observed metric when it is asked, and leaves it out when that fails', () => {
    const meters = createMeters();
    let size = 1;
    meters.observed({ name: 'size', help: 'S.', labels: ['of'], kind: 'gauge' }, (observe) =>
      observe(size, 'x'),
    );
    meters.observed({ name: 'broken', help: 'B.', kind: 'gauge' }, () => {
      throw new Error('unreadable');
    });
    size = 7;
    expect(family(meters, 'size')?.series).toEqual([{ labels: { of: 'x' }, value: 7 }]);
    expect(family(meters, 'broken')?.series).toEqual([]);
  });

  it('refuses a name that is taken', () => {
    const meters = createMeters();
    meters.counter({ name: 'a_total', help: 'A.' });
    expect(() => meters.gauge({ name: 'a_total', help: 'B.' })).toThrow('declared twice');
  });
});
