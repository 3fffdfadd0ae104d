import type { HostConfigDraft } from '../engine/answers.ts';
import type { PlanStep } from './plan-step.ts';

const NANOS_PER_MILLI = 1_000_000;

export const planLimits: PlanStep = (draft, { record, settings }) => {
  const { cpuMillis, memoryBytes, gpus } = record.spec.resources;
  const limits: HostConfigDraft = {
    PidsLimit: settings.pidsLimit,
    ...(memoryBytes === undefined ? {} : { Memory: memoryBytes }),
    ...(cpuMillis === undefined ? {} : { NanoCpus: Math.trunc(cpuMillis * NANOS_PER_MILLI) }),
    ...(gpus === undefined
      ? {}
      : { DeviceRequests: [{ Count: gpus === 'all' ? -1 : gpus, Capabilities: [['gpu']] }] }),
  };
  return { ...draft, HostConfig: { ...draft.HostConfig, ...limits } };
};
