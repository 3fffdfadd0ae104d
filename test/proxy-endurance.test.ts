import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HeapProbe, openHeapProbe } from './support/heap-probe.ts';
import { growth, settledHoldings } from './support/proxy-holdings.ts';
import { runCycle } from './support/proxy-churn.ts';
import { DIRECT, type ServiceSandbox, THROUGH_AGENT, openServiceSandbox } from './support/service-sandbox.ts';

const WARM_UP = 64;
const ROUNDS = 320;
const WIDTH = 16;

describe('clients of the proxy that come and go', () => {
  let probe: HeapProbe;
  let services: ServiceSandbox;

  beforeAll(async () => {
    probe = await openHeapProbe();
    services = await openServiceSandbox({ env: probe.env });
    for (const port of [DIRECT, THROUGH_AGENT]) await services.start(port);
  });

  afterAll(async () => {
    await services[Symbol.asyncDispose]();
    await probe[Symbol.asyncDispose]();
  });

  it('leave nothing behind in the server, the agent or the service', async () => {
    await runCycles(WARM_UP);
    const before = await settledHoldings(services, probe);
    expect(before.streams).toBe(0);
    await runCycles(ROUNDS);
    const after = await settledHoldings(services, probe, before);
    expect(growth(before, after)).toBeUndefined();
  });

  async function runCycles(count: number): Promise<void> {
    let next = 0;
    const client = async (): Promise<void> => {
      while (next < count) await runCycle(services, next++);
    };
    await Promise.all(Array.from({ length: WIDTH }, client));
  }
});
