import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import type { Environment } from '@opensandbox/process';

/** Names that speak to the agent. A command that knew the token could call the agent with the agent's rights. */
const PRIVATE_NAME = /^EXECD_\w*TOKEN$|^_EXECD_/;

/**
 * Variables that would take effect in the agent itself (its loader, its runtime) reach it under this prefix;
 * commands get them back under their own name.
 */
const HELD_BACK = 'OPENSANDBOX_HELD_';

/** The environment that commands inherit. */
export function inheritedEnvironment(own: Environment): Environment {
  const inherited: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(own)) {
    if (!PRIVATE_NAME.test(name) && !name.startsWith(HELD_BACK)) inherited[name] ??= value;
    if (name.startsWith(HELD_BACK)) inherited[name.slice(HELD_BACK.length)] = value;
  }
  return inherited;
}

/**
 * Overwrites a secret in the memory that /proc/self/environ and /proc/self/cmdline show, which outlives the
 * variable. Best effort: without /proc the secret simply stays there.
 */
export function eraseFromProcessTitle(secret: string): void {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    // Counted from the state field: arg_start, arg_end, env_start, env_end.
    const [argStart, argEnd, envStart, envEnd] = fields.slice(45, 49).map(Number);
    const memory = openSync('/proc/self/mem', 'r+');
    try {
      eraseBetween(memory, [argStart, argEnd], secret);
      eraseBetween(memory, [envStart, envEnd], secret);
    } finally {
      closeSync(memory);
    }
  } catch {
    // not allowed or not there
  }
}

function eraseBetween(
  memory: number,
  [start, end]: readonly [number | undefined, number | undefined],
  secret: string,
): void {
  if (start === undefined || end === undefined || end <= start) return;
  const bytes = Buffer.alloc(end - start);
  readSync(memory, bytes, 0, bytes.length, start);
  const blank = Buffer.alloc(Buffer.byteLength(secret), '*');
  for (let at = bytes.indexOf(secret); at !== -1; at = bytes.indexOf(secret, at + blank.length)) {
    writeSync(memory, blank, 0, blank.length, start + at);
  }
}
