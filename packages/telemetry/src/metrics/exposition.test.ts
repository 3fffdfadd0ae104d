import { parseExposition } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { expose } from './exposition.ts';
import { createMeters } from './meters.ts';

describe('expose', () => {
  it('writes counters, gauges and histograms as Prometheus reads them', async () => {
    const meters = createMeters();
    meters
      .counter({ name: 'a_total', help: 'All\nof "them".', labels: ['path'] })
      .of('a"b\\c\nd')
      .add(2);
    meters.observed({ name: 'size_bytes', help: 'Size.', kind: 'gauge' }, (observe) => observe(1.5));
    const histogram = meters.histogram({ name: 'b_seconds', help: 'B.', labels: ['kind'], bounds: [0.5, 1] });
    for (const value of [0.1, 0.7, 3]) histogram.of('x').record(value);
    const metrics = parseExposition(await expose(meters));
    expect(metrics.get('a_total')).toEqual({
      type: 'counter',
      help: 'All\\nof "them".',
      samples: [{ name: 'a_total', labels: { path: 'a"b\\c\nd' }, value: 2 }],
    });
    expect(metrics.get('size_bytes')?.samples).toEqual([{ name: 'size_bytes', labels: {}, value: 1.5 }]);
    expect(metrics.get('b_seconds')?.samples).toEqual([
      { name: 'b_seconds_count', labels: { kind: 'x' }, value: 3 },
      { name: 'b_seconds_sum', labels: { kind: 'x' }, value: 3.8 },
      { name: 'b_seconds_bucket', labels: { kind: 'x', le: '0.5' }, value: 1 },
      { name: 'b_seconds_bucket', labels: { kind: 'x', le: '1' }, value: 2 },
      { name: 'b_seconds_bucket', labels: { kind: 'x', le: '+Inf' }, value: 3 },
    ]);
  });

  it('declares a metric that has no series yet', async () => {
    const meters = createMeters();
    meters.counter({ name: 'a_total', help: 'A.', labels: ['path'] });
    expect(parseExposition(await expose(meters)).get('a_total')?.samples).toEqual([]);
  });
});
