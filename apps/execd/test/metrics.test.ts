import { describe, expect, it } from 'vitest';
import { startSandbox, whyNoContainers } from './support/sandbox-container.ts';

const absent = await whyNoContainers();

type Metrics = Readonly<Record<string, number>>;

async function metricsOf(url: string): Promise<Metrics> {
  return (await (await fetch(`${url}/metrics`)).json()) as Metrics;
}

function expectInRange(metrics: Metrics): void {
  const { cpu_count = 0, cpu_used_pct = -1, mem_total_mib = 0, mem_used_mib = -1, timestamp = 0 } = metrics;
  expect(Number.isInteger(cpu_count) && cpu_count > 0).toBe(true);
  expect(cpu_used_pct).toBeGreaterThanOrEqual(0);
  expect(cpu_used_pct).toBeLessThanOrEqual(100);
  expect(mem_total_mib).toBeGreaterThan(0);
  expect(mem_used_mib).toBeGreaterThanOrEqual(0);
  expect(mem_used_mib).toBeLessThanOrEqual(mem_total_mib);
  expect(Number.isInteger(timestamp)).toBe(true);
  expect(Math.abs(Date.now() - timestamp)).toBeLessThan(60_000);
}

describe('metrics', () => {
  it.skipIf(absent !== undefined)('tell what a sandbox may use, not what its host has', async () => {
    await using sandbox = await startSandbox({
      image: 'opensandbox-demo:latest',
      command: ['sleep', 'infinity'],
      flags: ['--memory=192m', '--cpus=1.5'],
    });
    const metrics = await metricsOf(await sandbox.url());
    expectInRange(metrics);
    expect(metrics['mem_total_mib']).toBe(192);
    expect(metrics['cpu_count']).toBe(1);
  });
});
