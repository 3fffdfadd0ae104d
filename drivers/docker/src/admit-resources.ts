import type { FaultCode, Resources, SandboxSpec } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import type { EngineFacts } from './engine-facts.ts';
import type { EngineInfo } from './engine/answers.ts';
import { isWindows } from './windows/windows.ts';

const LIMITS = ['cpu', 'memory', 'gpu', 'disk', 'storage', 'ephemeral-storage'];
const REQUESTS = ['cpu', 'memory'];

/** What every Docker Engine insists on. */
const LEAST_MEMORY_BYTES = 6 << 20;
const LEAST_CPU_MILLIS = 10;

/** Storage drivers that can bound what one container writes. */
const DRIVERS_WITH_QUOTA = new Set(['btrfs', 'zfs', 'devicemapper', 'windowsfilter']);
/** Storage drivers that can do so on XFS, if its project quotas are on: only trying shows. */
const OVERLAYS = new Set(['overlay2', 'overlay']);

/**
 * Refuses what the engine would refuse, as far as that is known before, and what nothing would heed. What the engine
 * does not tell now it says when the sandbox is made.
 */
export async function admitResources(
  spec: SandboxSpec,
  facts: EngineFacts,
  signal: AbortSignal,
): Promise<void> {
  checkKeys('resourceLimits', spec.resourceLimits, LIMITS);
  checkKeys('resourceRequests', spec.resourceRequests, REQUESTS);
  if (isWindows(spec)) return; // they size the guest, not the container
  const { cpuMillis, cpuRequestMillis, storageBytes } = spec.resources;
  checkMemory(spec.resources);
  if (cpuMillis === undefined && cpuRequestMillis === undefined && storageBytes === undefined) return;
  const info = await facts.get(signal);
  checkCpus(spec.resources, info?.NCPU);
  if (storageBytes !== undefined && info !== undefined) checkStorage(spec, info);
}

function checkKeys(map: string, amounts: Readonly<Record<string, string>>, known: readonly string[]): void {
  const unknown = Object.keys(amounts).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw refused(`${map}.${unknown} is not supported by the Docker runtime. Supported: ${known.join(', ')}.`);
}

function checkMemory({ memoryBytes, memoryRequestBytes }: Resources): void {
  for (const [key, bytes] of [
    ['resourceLimits.memory', memoryBytes],
    ['resourceRequests.memory', memoryRequestBytes],
  ] as const) {
    if (bytes === undefined || bytes >= LEAST_MEMORY_BYTES) continue;
    throw refused(`${key} is ${bytes} bytes; the Docker Engine takes 6 MiB (6291456 bytes) or more.`);
  }
}

function checkCpus({ cpuMillis, cpuRequestMillis }: Resources, available: number | undefined): void {
  if (cpuMillis !== undefined && cpuMillis < LEAST_CPU_MILLIS) {
    throw refused(`resourceLimits.cpu is ${cpuMillis}m; the Docker Engine takes 10m (0.01 CPUs) or more.`);
  }
  if (available === undefined || available <= 0) return;
  for (const [key, millis] of [
    ['resourceLimits.cpu', cpuMillis],
    ['resourceRequests.cpu', cpuRequestMillis],
  ] as const) {
    if (millis === undefined || millis <= available * 1000) continue;
    throw refused(`${key} is ${millis / 1000}; the host of the Docker Engine has ${available} CPUs.`);
  }
}

function checkStorage(spec: SandboxSpec, info: EngineInfo): void {
  const why = whyNoQuota(info);
  if (why === undefined) return;
  const key = ['disk', 'storage', 'ephemeral-storage'].find(
    (name) => spec.resourceLimits[name] !== undefined,
  );
  throw refused(
    `resourceLimits.${key ?? 'disk'} cannot be enforced by this Docker Engine: ${why}. Leave it out, or give the ` +
      "engine a data-root on XFS mounted with 'pquota' (storage driver overlay2), or on btrfs or ZFS.",
  );
}

/** `undefined` when it can work. */
function whyNoQuota(info: EngineInfo): string | undefined {
  const driver = info.Driver ?? '';
  const status = new Map(info.DriverStatus ?? []);
  if (status.get('driver-type') !== undefined) return `its image store (${driver}) has no quotas`;
  if (driver === '' || driver === 'vfs' || DRIVERS_WITH_QUOTA.has(driver)) return undefined;
  if (!OVERLAYS.has(driver)) return `its storage driver ${driver} has no quotas`;
  const files = status.get('Backing Filesystem') ?? 'unknown';
  if (files === 'xfs' || files === 'unknown') return undefined;
  return `its storage driver ${driver} has no quotas on the file system ${files}`;
}

function refused(message: string): Fault {
  return new Fault('invalid', 'parameter.invalid' satisfies FaultCode, message);
}
