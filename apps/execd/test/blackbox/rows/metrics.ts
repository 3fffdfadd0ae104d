import { expect } from 'vitest';
import { eventsOf } from '../../support/event-lines.ts';
import { call, jsonOf } from '../row.ts';
import type { Row } from '../row.ts';

interface Metrics {
  readonly cpu_count: number;
  readonly cpu_used_pct: number;
  readonly mem_total_mib: number;
  readonly mem_used_mib: number;
  readonly timestamp: number;
}

function expectPlausible(metrics: Metrics): void {
  expect(metrics.cpu_count).toBeGreaterThan(0);
  expect(metrics.cpu_used_pct).toBeGreaterThanOrEqual(0);
  expect(metrics.cpu_used_pct).toBeLessThanOrEqual(100);
  expect(metrics.mem_total_mib).toBeGreaterThan(0);
  expect(metrics.mem_used_mib).toBeGreaterThanOrEqual(0);
  expect(metrics.mem_used_mib).toBeLessThanOrEqual(metrics.mem_total_mib);
  expect(Number.isInteger(metrics.timestamp)).toBe(true);
  expect(Math.abs(Date.now() - metrics.timestamp)).toBeLessThan(60_000);
}

export const METRICS: readonly Row[] = [
  {
    key: 'T76',
    name: 'the load of the sandbox is plausible',
    run: async (site) => expectPlausible(await jsonOf<Metrics>(await call(site, 'GET', '/metrics'))),
  },
  {
    key: 'T77',
    name: 'the load is told every second, each time as an event of its own',
    async run(site) {
      const leaving = new AbortController();
      const response = await fetch(`${site.url}/metrics/watch`, { signal: leaving.signal });
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      const started = Date.now();
      let count = 0;
      for await (const event of eventsOf(response)) {
        expectPlausible(event as unknown as Metrics);
        count += 1;
        if (count === 3) break;
      }
      leaving.abort();
      expect(count).toBe(3);
      expect(Date.now() - started).toBeLessThan(10_000);
    },
  },
];
