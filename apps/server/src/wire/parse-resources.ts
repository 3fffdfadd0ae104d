import { Fault } from '@opensandbox/base';
import type { Resources } from '@opensandbox/core';
import { parseCpuMillis, parseGpus, parseMemoryBytes } from './quantity.ts';

type Amounts = Readonly<Record<string, string>>;

/** One thing has three names: Kubernetes' own, and two that clients of Docker and of Windows guests use. */
const STORAGE_KEYS = ['disk', 'storage', 'ephemeral-storage'] as const;

const CPUS = 'a number of CPUs such as 500m, 0.5 or 2';
const MEMORY = 'an amount of memory such as 512Mi, 1.5Gi or 1G';
const STORAGE = 'an amount of storage such as 500Mi, 1.5Gi or 10G';
const DEVICES = "a whole number of devices or 'all'";

/**
 * What a sandbox may use at most, and what is kept for it. An amount that cannot be read is refused: ignoring it
 * would run the sandbox without the limit. `0` means no limit. Keys that are not read here belong to the driver,
 * which gets the maps as well.
 */
export function parseResources(limits: Amounts, requests: Amounts): Resources {
  const storageBytes = readStorage(limits);
  const resources: Resources = {
    cpuMillis: read({ map: 'resourceLimits', of: limits }, 'cpu', parseCpuMillis, CPUS),
    memoryBytes: read({ map: 'resourceLimits', of: limits }, 'memory', parseMemoryBytes, MEMORY),
    gpus: read({ map: 'resourceLimits', of: limits }, 'gpu', parseGpus, DEVICES),
  };
  const cpu = read({ map: 'resourceRequests', of: requests }, 'cpu', parseCpuMillis, CPUS);
  const memory = read({ map: 'resourceRequests', of: requests }, 'memory', parseMemoryBytes, MEMORY);
  checkRequest({ name: 'cpu', limits, requests }, cpu, resources.cpuMillis);
  checkRequest({ name: 'memory', limits, requests }, memory, resources.memoryBytes);
  return {
    ...resources,
    ...(storageBytes === undefined ? {} : { storageBytes }),
    ...(cpu === undefined ? {} : { cpuRequestMillis: cpu }),
    ...(memory === undefined ? {} : { memoryRequestBytes: memory }),
  };
}

function readStorage(limits: Amounts): number | undefined {
  const named = STORAGE_KEYS.filter((name) => limits[name] !== undefined);
  const amounts = named.map((name) =>
    read({ map: 'resourceLimits', of: limits }, name, parseMemoryBytes, STORAGE),
  );
  const [first] = amounts;
  if (amounts.some((amount) => amount !== first)) {
    throw refused(
      `Invalid resourceLimits: ${named.join(', ')} all mean the sandbox's storage, but differ. Give one of them.`,
    );
  }
  return first;
}

function checkRequest(
  given: { readonly name: string; readonly limits: Amounts; readonly requests: Amounts },
  request: number | undefined,
  limit: number | undefined,
): void {
  if (request === undefined || limit === undefined || request <= limit) return;
  const { name, limits, requests } = given;
  throw refused(
    `Invalid resourceRequests.${name} '${requests[name] ?? ''}': it must not be above resourceLimits.${name} '${limits[name] ?? ''}'.`,
  );
}

/** `undefined` when the key is absent, and when its amount is 0. */
function read<T>(
  given: { readonly map: 'resourceLimits' | 'resourceRequests'; readonly of: Amounts },
  name: string,
  parse: (text: string) => T | 0 | undefined,
  expected: string,
): T | undefined {
  const text = given.of[name];
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value === undefined) throw refused(`Invalid ${given.map}.${name} '${text}': it must be ${expected}.`);
  return value === 0 ? undefined : value;
}

function refused(message: string): Fault {
  return new Fault('invalid', 'parameter.invalid', message);
}
