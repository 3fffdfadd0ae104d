import { realpath } from 'node:fs/promises';
import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import { errnoOf } from './host-errors.ts';
import { outermost } from './host-path.ts';
import type { Fence } from './host-walk.ts';

/** `path` as a client wrote it, for the messages. */
export async function hostFence(prefixes: readonly string[], path: string): Promise<Fence> {
  const outer = outermost(prefixes);
  return {
    roots: await Promise.all(outer.map(async (prefix) => ({ path: prefix, real: await realPrefix(prefix) }))),
    outside: (real) => notAllowed(path, real, prefixes),
    failed: (at, why) =>
      new Fault(
        'invalid',
        'volume.host_path_failed' satisfies FaultCode,
        `Host path '${path}' cannot be mounted: '${at}' ${why}.`,
      ),
  };
}

/** One that does not exist yet is what it says. */
async function realPrefix(prefix: string): Promise<string> {
  try {
    return await realpath(prefix);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return prefix;
  }
}

export function notAllowed(path: string, real: string, prefixes: readonly string[]): Fault {
  const leads = real === path ? '' : ` leads to '${real}', which`;
  const list = prefixes.map((prefix) => `'${prefix}'`).join(', ');
  return new Fault(
    'invalid',
    'volume.host_path_not_allowed' satisfies FaultCode,
    `Host path '${path}'${leads} is not under any allowed prefix. Allowed prefixes: [${list}]`,
  );
}
