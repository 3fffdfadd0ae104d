import type { FaultCode } from '@opensandbox/core/ports';
import { deadline, Fault, isFault } from '@opensandbox/base';
import type { FileIdentity } from '../backend.ts';
import { readMountTable } from './mount-table.ts';
import type { MounterDeps, Place } from './mounter.ts';
import { after, describeEnd } from './mounter.ts';
import { openPrivateFile, readOutput } from './private-files.ts';
import { findProgram, runProgram } from './run-program.ts';

const UNMOUNT_MS = 20_000;
const LOOK_MS = 10_000;
const LONGEST_REASON = 300;

/** Unmounts what is at a place. Resolves with the reason when it stays, with `undefined` when nothing is there. */
export async function unmountPlace(deps: MounterDeps, place: Place): Promise<string | undefined> {
  const { signal } = new AbortController();
  const attempts = [
    { name: 'fusermount', args: ['-u', place.path] },
    { name: 'umount', args: [place.path] },
  ];
  const reasons: string[] = [];
  for (const { name, args } of attempts) {
    if (!(await readMountTable()).has(place.realPath)) return undefined;
    const { failure } = await tryProgram(deps, { name, args, timeoutMs: UNMOUNT_MS }, signal);
    if (failure !== undefined) reasons.push(`${name}: ${failure}`);
  }
  if (!(await readMountTable()).has(place.realPath)) return undefined;
  return reasons.length === 0 ? 'something else is mounted there too' : reasons.join('; ');
}

export type Look =
  | { readonly kind: 'seen'; readonly identity: FileIdentity }
  | { readonly kind: 'dead'; readonly why: string }
  /** Nothing could be found out. */
  | { readonly kind: 'unknown' };

/** Looks whether a mount answers. The program behind it may have died, or hang: so not this process asks. */
export async function lookAt(deps: MounterDeps, { path }: Place, signal: AbortSignal): Promise<Look> {
  const stat = (...args: readonly string[]): Promise<Outcome> =>
    tryProgram(deps, { name: 'stat', args: [...args, `${path}/.`], timeoutMs: LOOK_MS }, signal);
  // The kernel remembers for a moment what a file was like, and asks nobody; of the file system it always asks.
  const asked = await stat('-f', '-c', '%t');
  const outcome = asked.failure === undefined ? await stat('-c', '%d %i') : asked;
  if (outcome.failure === ABSENT) return { kind: 'unknown' };
  if (outcome.failure !== undefined) return { kind: 'dead', why: outcome.failure };
  const [, dev, ino] = /^(\d+) (\d+)\s*$/.exec(outcome.text) ?? [];
  if (dev === undefined || ino === undefined) return { kind: 'unknown' };
  return { kind: 'seen', identity: { dev: BigInt(dev), ino: BigInt(ino) } };
}

const ABSENT = 'there is no such program';

interface Attempt {
  readonly name: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
}

interface Outcome {
  /** Why it did not work. */
  readonly failure: string | undefined;
  readonly text: string;
}

async function tryProgram(
  deps: MounterDeps,
  { name, args, timeoutMs }: Attempt,
  signal: AbortSignal,
): Promise<Outcome> {
  const file = findProgram(name, deps.searchPath);
  if (file === undefined) return { failure: ABSENT, text: '' };
  await using output = await openPrivateFile(deps.filesDir, '.out');
  using limit = deadline(deps.clock, timeoutMs, signal, () => tooLong(timeoutMs));
  try {
    const env = { PATH: deps.searchPath, LC_ALL: 'C' };
    const end = await runProgram({ file, args, env, output: output.handle }, limit.signal);
    const { text } = await readOutput(output);
    if (end.code === 0) return { failure: undefined, text };
    return { failure: `${describeEnd(end)}${after(oneLine(text))}`, text };
  } catch (error) {
    if (isFault(error, 'timeout')) return { failure: error.message, text: '' };
    if (error instanceof Fault) throw error;
    return { failure: 'it cannot be started', text: '' };
  }
}

function tooLong(timeoutMs: number): Fault {
  const message = `it did not end within ${timeoutMs / 1000} s`;
  return new Fault('timeout', 'volume.ossfs_failed' satisfies FaultCode, message);
}

function oneLine(text: string): string {
  const line = text.replace(/[\p{C}\s]+/gu, ' ').trim();
  return line.slice(0, LONGEST_REASON);
}
