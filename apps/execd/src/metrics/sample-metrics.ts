import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';
import type { ControlGroupTexts, CpuTicks } from './read-metrics.ts';
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
  const group = readControlGroup();
  const memory = sandboxMemory(parseHostMemory(readText('/proc/meminfo') ?? ''), group);
  return {
    cpu_count: usableCpus(availableParallelism(), group),
    cpu_used_pct: busyPercent(before, readTicks()),
    mem_total_mib: memory.totalBytes / MIB,
    mem_used_mib: memory.usedBytes / MIB,
    timestamp,
  };
}

function readTicks(): CpuTicks {
  return parseCpuTicks(readText('/proc/stat') ?? '');
}

const ROOT = '/sys/fs/cgroup';

function readControlGroup(): ControlGroupTexts {
  return {
    memoryLimit: readText(`${ROOT}/memory.max`) ?? readText(`${ROOT}/memory/memory.limit_in_bytes`),
    memoryUsage: readText(`${ROOT}/memory.current`) ?? readText(`${ROOT}/memory/memory.usage_in_bytes`),
    memoryStat: readText(`${ROOT}/memory.stat`) ?? readText(`${ROOT}/memory/memory.stat`),
    cpuMax: readText(`${ROOT}/cpu.max`),
    cpuQuota: readText(`${ROOT}/cpu/cpu.cfs_quota_us`),
    cpuPeriod: readText(`${ROOT}/cpu/cpu.cfs_period_us`),
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // the other version of control groups, or none
  }
}
