/** Ticks of all processors together since the system started. */
export interface CpuTicks {
  readonly busy: number;
  readonly total: number;
}

export interface Memory {
  readonly totalBytes: number;
  readonly usedBytes: number;
}

/** The first line of /proc/stat. Waiting for a disk is idle. */
export function parseCpuTicks(stat: string): CpuTicks {
  const line = /^cpu\s+(.*)$/m.exec(stat)?.[1] ?? '';
  // user nice system idle iowait irq softirq steal; guest time is part of user already
  const fields = line.trim().split(/\s+/).slice(0, 8).map(Number);
  const total = fields.reduce((sum, ticks) => sum + ticks, 0);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  return { busy: total - idle, total };
}

/** How busy the processors were between two readings, in percent. */
export function busyPercent(before: CpuTicks, after: CpuTicks): number {
  const total = after.total - before.total;
  if (!(total > 0)) return 0;
  return Math.min(100, Math.max(0, ((after.busy - before.busy) / total) * 100));
}

/** /proc/meminfo: used is what is neither free nor a cache. */
export function parseHostMemory(meminfo: string): Memory {
  const bytes = (name: string): number => {
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  };
  const totalBytes = bytes('MemTotal');
  const free = bytes('MemFree') + bytes('Buffers') + bytes('Cached') + bytes('SReclaimable');
  return { totalBytes, usedBytes: Math.max(0, totalBytes - free) };
}

/** The texts of a control group's files, as version 2 writes them; undefined where there is no limit. */
export interface ControlGroupTexts {
  readonly memoryLimit: string | undefined;
  readonly memoryUsage: string | undefined;
  readonly memoryStat: string | undefined;
  /** `QUOTA PERIOD`. */
  readonly cpuMax: string | undefined;
}

/** What the sandbox may use and uses: its own limit where it has one, otherwise the host's figures. */
export function sandboxMemory(host: Memory, group: ControlGroupTexts): Memory {
  const limit = Number(group.memoryLimit?.trim() ?? NaN);
  if (!(limit > 0) || limit >= host.totalBytes) return host;
  const usage = Number(group.memoryUsage?.trim() ?? NaN);
  if (Number.isNaN(usage)) return { totalBytes: limit, usedBytes: Math.min(limit, host.usedBytes) };
  const caches = /^(?:total_)?inactive_file (\d+)$/m.exec(group.memoryStat ?? '')?.[1] ?? 0;
  return { totalBytes: limit, usedBytes: Math.min(limit, Math.max(0, usage - Number(caches))) };
}

/** Whole processors the sandbox may use, at least one. */
export function usableCpus(available: number, group: ControlGroupTexts): number {
  const [quota, period] = (group.cpuMax ?? '').trim().split(/\s+/).map(Number);
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return available;
  return Math.max(1, Math.min(available, Math.floor(quota / period)));
}
