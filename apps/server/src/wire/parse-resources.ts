import { Fault } from '@opensandbox/base';
import type { Resources } from '@opensandbox/core';
import { parseCpuMillis, parseGpus, parseMemoryBytes } from './quantity.ts';

type Limits = Readonly<Record<string, string>>;

/**
 * The limits that the platform enforces. A limit that cannot be read is refused: ignoring it would run the
 * sandbox without one. `0` means no limit. Other keys belong to the driver.
 */
export function parseResources(limits: Limits): Resources {
  return {
    cpuMillis: positive(read(limits, 'cpu', parseCpuMillis, 'a number of CPUs such as 500m, 0.5 or 2')),
    memoryBytes: positive(
      read(limits, 'memory', parseMemoryBytes, 'an amount of memory such as 512Mi, 1.5Gi or 1G'),
    ),
    gpus: positive(read(limits, 'gpu', parseGpus, "a whole number of devices or 'all'")),
  };
}

function read<T>(
  limits: Limits,
  name: string,
  parse: (text: string) => T | undefined,
  expected: string,
): T | undefined {
  const text = limits[name];
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value !== undefined) return value;
  throw new Fault(
    'invalid',
    'parameter.invalid',
    `Invalid resourceLimits.${name} '${text}': it must be ${expected}.`,
  );
}

function positive<T>(value: T | 0 | undefined): T | undefined {
  return value === 0 ? undefined : value;
}
