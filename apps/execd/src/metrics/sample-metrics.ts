import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';
import { readControlGroup } from './control-group.ts';
import type { CpuTicks, Memory } from './read-metrics.ts';
import { busyPercent, parseCpuTicks, parseHostMemory, sandboxMemory, usableCpus } from './read-metrics.ts';

const SAMPLE_MS = 1000;
const MIB = 1024 * 1024;

/** The answer of `GET /metrics`, as it travels. */
export interface Metrics {
  readonly cpu_count: number;
  readonly cpu_used_pct: number;
  readonly mem_total_mib: number;
  readonly mem_used_mib: number;
  readonly timestamp: number;
}

/** Watches the processors for a second and reads the memory. */
export async function sampleMetrics(clock: Clock, signal: AbortSignal): Promise<Metrics> {
  const timestamp = clock.now();
  const before = readTicks();
  await sleep(clock, SAMPLE_MS, signal);
  const memory = readMemory();
  return {
    cpu_count: usableCpus(availableParallelism(), readControlGroup(readText)),
    cpu_used_pct: busyPercent(before, readTicks()),
    mem_total_mib: memory.totalBytes / MIB,
    mem_used_mib: memory.usedBytes / MIB,
    timestamp,
  };
}

/** What the sandbox may use and uses now. */
export function readMemory(): Memory {
  return sandboxMemory(parseHostMemory(readText('/proc/meminfo') ?? ''), readControlGroup(readText));
}

export function readTicks(): CpuTicks {
  return parseCpuTicks(readText('/proc/stat') ?? '');
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // the other version of control groups, or none
  }
}
