import type { Resources } from '@opensandbox/core/ports';
import { sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest } from './docker-harness.ts';

const { signal } = new AbortController();
const NONE: Resources = { cpuMillis: undefined, memoryBytes: undefined, gpus: undefined };
const MIB = 1 << 20;

describe.skipIf(!HAS_ENGINE)('resources on a Docker engine', () => {
  it('are what the engine keeps for a sandbox and what it allows', async () => {
    await using test = await openDockerTest();
    const resources: Resources = {
      cpuMillis: 1500,
      memoryBytes: 64 * MIB,
      gpus: undefined,
      cpuRequestMillis: 250,
      memoryRequestBytes: 32 * MIB,
    };
    const spec = await test.driver.admit(busyboxSpec({ resources }), signal);
    const record = sampleRecord({ spec });
    const seen = await test.driver.create(record, () => undefined, signal);
    const name = `sandbox-${record.id}`;
    const format =
      '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.CpuShares}} {{.HostConfig.MemoryReservation}}';
    expect(await test.docker('inspect', '--format', format, name)).toBe(
      `1500000000 ${64 * MIB} 256 ${32 * MIB}`,
    );
    expect(seen.claim?.spec.resources).toEqual(resources);
    await test.driver.destroy(record.id, signal);
  });

  it.each<[string, Partial<Resources>, string]>([
    ['less memory than any engine takes', { memoryBytes: 5 * MIB }, 'resourceLimits.memory is 5242880 bytes'],
    [
      'more CPUs than its host has',
      { cpuMillis: 4_000_000 },
      'resourceLimits.cpu is 4000; the host of the Docker Engine has',
    ],
    ['hardly any CPU', { cpuMillis: 1 }, 'resourceLimits.cpu is 1m'],
  ])('refuse %s, as the engine itself would', async (_, change, why) => {
    await using test = await openDockerTest();
    const spec = busyboxSpec({ resources: { ...NONE, ...change } });
    await expect(test.driver.admit(spec, signal)).rejects.toMatchObject({
      code: 'parameter.invalid',
      message: expect.stringContaining(why) as unknown,
    });
    const failing = test.driver.create(sampleRecord({ spec }), () => undefined, signal);
    await expect(failing).rejects.toMatchObject({ code: 'sandbox.start_failed' });
    expect(await test.leftovers()).toEqual([]);
  });

  it('admit a graphics card that only the engine can judge, and leave nothing when it has none', async () => {
    await using test = await openDockerTest();
    const spec = await test.driver.admit(busyboxSpec({ resources: { ...NONE, gpus: 1 } }), signal);
    const failing = test.driver.create(sampleRecord({ spec }), () => undefined, signal);
    await expect(failing).rejects.toMatchObject({
      code: 'sandbox.start_failed',
      message: expect.stringMatching(/could not select device driver/) as unknown,
    });
    expect(await test.leftovers()).toEqual([]);
  });
});
