import type { Resources } from '@opensandbox/core/ports';
import type { HostConfigDraft } from '../engine/answers.ts';
import { isWindows } from '../windows/windows.ts';
import type { PlanStep } from './plan-step.ts';

const NANOS_PER_MILLI = 1_000_000;
/** The weight of one CPU, as Kubernetes counts it, and what the kernel takes. */
const SHARES_PER_CPU = 1024;
const FEWEST_SHARES = 2;
const MOST_SHARES = 262_144;

export const planLimits: PlanStep = (draft, { record, settings }) => {
  // A Windows guest is told its size; what runs around it needs more.
  const limits = isWindows(record.spec) ? {} : limitsOf(record.spec.resources);
  return { ...draft, HostConfig: { ...draft.HostConfig, PidsLimit: settings.pidsLimit, ...limits } };
};

function limitsOf(resources: Resources): HostConfigDraft {
  const { cpuMillis, memoryBytes, gpus, storageBytes, cpuRequestMillis, memoryRequestBytes } = resources;
  return {
    ...(memoryBytes === undefined ? {} : { Memory: memoryBytes }),
    ...(cpuMillis === undefined ? {} : { NanoCpus: Math.trunc(cpuMillis * NANOS_PER_MILLI) }),
    ...(gpus === undefined
      ? {}
      : { DeviceRequests: [{ Count: gpus === 'all' ? -1 : gpus, Capabilities: [['gpu']] }] }),
    ...(storageBytes === undefined ? {} : { StorageOpt: { size: String(storageBytes) } }),
    ...(cpuRequestMillis === undefined ? {} : { CpuShares: sharesOf(cpuRequestMillis) }),
    ...(memoryRequestBytes === undefined ? {} : { MemoryReservation: memoryRequestBytes }),
  };
}

function sharesOf(cpuMillis: number): number {
  const shares = Math.trunc((cpuMillis * SHARES_PER_CPU) / 1000);
  return Math.min(MOST_SHARES, Math.max(FEWEST_SHARES, shares));
}

/** The reverse, for a sandbox that is known by its container alone. */
export function millisOfShares(shares: number): number {
  return Math.round((shares * 1000) / SHARES_PER_CPU);
}
