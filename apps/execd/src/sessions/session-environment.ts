import { isUtf8 } from 'node:buffer';

/**
 * Bytes of the system, one character for each: what a shell exports need not be text. `Buffer.from(…, 'latin1')`
 * gives the bytes.
 */
export type ByteText = string;

/** What runs did to their environment: new values, and `undefined` where a variable was taken away. */
export type EnvironmentChanges = ReadonlyMap<string, ByteText | undefined>;

/** The kernel takes no longer `NAME=VALUE`, its zero included. */
const LONGEST_ENTRY = 128 * 1024;
/** It takes 2 MiB of arguments and variables together; a program needs some of that for its arguments. */
const MOST_BYTES = 1536 * 1024;
/** What each variable costs besides its bytes. */
const POINTER_BYTES = 8;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Set by every shell for itself, or changing what the next shell is; they end with the run. */
const OF_THE_SHELL: ReadonlySet<string> = new Set([
  '_',
  'BASHOPTS',
  'PROMPT_COMMAND',
  'PS1',
  'PS2',
  'PS3',
  'PS4',
  'PWD',
  'SHELLOPTS',
  'SHLVL',
]);

export interface RunEnvironment {
  /** What the shell is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** Shell commands for what cannot be handed over as text; mostly empty. */
  readonly prelude: ByteText;
  /** Both together: what the run begins with, to be compared with what it ends with. */
  readonly before: ReadonlyMap<string, ByteText>;
}

/** The environment of one run: where the session began, on it what earlier runs changed, then the run's own. */
export function runEnvironment(
  base: Readonly<Record<string, string>>,
  changes: EnvironmentChanges,
  own: Readonly<Record<string, string>>,
): RunEnvironment {
  const before = new Map(Object.entries(base).map(([name, value]) => [name, toBytes(value)]));
  for (const [name, value] of changes) {
    if (value === undefined) before.delete(name);
    else before.set(name, value);
  }
  for (const [name, value] of Object.entries(own)) before.set(name, toBytes(value));
  for (const name of tooMuch(before)) before.delete(name);
  const env: Record<string, string> = {};
  let prelude = '';
  for (const [name, value] of before) {
    const text = toText(value);
    if (text === undefined) prelude += `export ${name}=${quote(value)}\n`;
    else env[name] = text;
  }
  return { env, prelude, before };
}

/** What a run changed. Only what can be given to the next run counts; a value too long for that is gone. */
export function environmentChanges(
  before: ReadonlyMap<string, ByteText>,
  after: ReadonlyMap<string, ByteText>,
): Map<string, ByteText | undefined> {
  const changes = new Map<string, ByteText | undefined>();
  for (const [name, value] of after) {
    if (!isCarried(name) || before.get(name) === value) continue;
    changes.set(name, fits(name, value) ? value : undefined);
  }
  for (const name of before.keys()) if (isCarried(name) && !after.has(name)) changes.set(name, undefined);
  return changes;
}

function isCarried(name: string): boolean {
  return NAME.test(name) && !OF_THE_SHELL.has(name);
}

function fits(name: string, value: ByteText): boolean {
  return entryBytes(name, value) <= LONGEST_ENTRY;
}

function entryBytes(name: string, value: ByteText): number {
  return name.length + value.length + 2;
}

/** The largest variables, as many as have to go so that a program can be started with the rest. */
function tooMuch(variables: ReadonlyMap<string, ByteText>): string[] {
  const sizes = [...variables].map(([name, value]) => ({
    name,
    bytes: entryBytes(name, value) + POINTER_BYTES,
  }));
  let total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= MOST_BYTES) return [];
  const dropped: string[] = [];
  for (const { name, bytes } of sizes.sort((one, other) => other.bytes - one.bytes)) {
    if (total <= MOST_BYTES) break;
    total -= bytes;
    dropped.push(name);
  }
  return dropped;
}

export function toBytes(text: string): ByteText {
  return Buffer.from(text).toString('latin1');
}

/** Undefined when the bytes are no text. */
export function toText(bytes: ByteText): string | undefined {
  const buffer = Buffer.from(bytes, 'latin1');
  return isUtf8(buffer) ? buffer.toString() : undefined;
}

/** A word of a POSIX shell with exactly these bytes. */
export function quote(bytes: ByteText): ByteText {
  return `'${bytes.replaceAll("'", "'\\''")}'`;
}
