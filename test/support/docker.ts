import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Less than a test may take: an engine that keeps a call waiting is told by the call's name. */
const CLI_MS = 100_000;

/** The Docker command line client: an outsider that shares no code with the driver. */
export async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('docker', [...args], { maxBuffer: 64 * 1024 * 1024, timeout: CLI_MS });
  return stdout.trim();
}

export async function lines(...args: readonly string[]): Promise<string[]> {
  const text = await docker(...args);
  return text === '' ? [] : text.split('\n');
}

/** Names of the containers that a server instance made. */
export function containersOf(instance: string): Promise<string[]> {
  return lines('ps', '-a', '--format', '{{.Names}}', '--filter', `label=opensandbox.io/instance=${instance}`);
}

/** Removes what a server instance left; returns what it found. */
export async function removeAll(instance: string): Promise<string[]> {
  const names = await containersOf(instance);
  if (names.length > 0) await docker('rm', '-f', '-v', ...names);
  return names;
}
