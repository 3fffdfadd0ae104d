import { execFile } from 'node:child_process';
import { readdir, readFile, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';

const run = promisify(execFile);
const CGROUPS = '/sys/fs/cgroup';

/** Of every engine of a test: its containers live below it, and nothing else does. */
export function cgroupParent(directory: string): string {
  return `/${basename(directory)}`;
}

/** Ends and removes what an engine that was killed leaves on its host: processes, mounts, control groups. */
export async function clearRemains(directory: string): Promise<void> {
  const left = [...(await helperProcesses(directory)), ...(await containerProcesses(directory))];
  for (const pid of left) end(pid);
  for (const pid of left) await processGone(pid);
  const mounts = (await readFile('/proc/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${directory}/`));
  for (const path of mounts.reverse()) await run('umount', [path]).catch(() => undefined); // the removal will say
  for (const group of await groupsBelow(directory)) await rmdir(group).catch(() => undefined); // only untidy
}

/** Resolves when a process is no more, waited for by its parent included. */
export async function processGone(pid: number, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (isThere(pid)) {
    if (Date.now() > end) throw new Error(`process ${pid} does not end`);
    await wait(10);
  }
}

/** What the engine started to look after its containers: it names the engine's own directory. */
async function helperProcesses(directory: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readOr(`/proc/${name}/cmdline`, '');
    if (command.includes(`${directory}/exec/`)) found.push(Number(name));
  }
  return found;
}

/** The processes of an engine's containers, whether or not the engine still knows of them. */
async function containerProcesses(directory: string): Promise<readonly number[]> {
  const found = new Set<number>();
  for (const group of await groupsBelow(directory)) {
    for (const line of (await readOr(join(group, 'cgroup.procs'), '')).split('\n')) {
      if (line !== '' && line !== '0') found.add(Number(line));
    }
  }
  return [...found];
}

/** The deepest first. */
async function groupsBelow(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  const controllers = await readdir(CGROUPS).catch(() => []);
  for (const root of ['', ...controllers].map((name) => join(CGROUPS, name, cgroupParent(directory)))) {
    const below = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => undefined);
    if (below === undefined) continue;
    found.push(
      root,
      ...below.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name)),
    );
  }
  return found.sort((left, right) => right.length - left.length);
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended by itself meanwhile
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readOr(path: string, instead: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => instead);
}
