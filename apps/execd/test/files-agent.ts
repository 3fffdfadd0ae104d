import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** A process that serves the file routes, and a directory of its own to work in. */
export interface FilesAgent {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Also the directory that relative paths are relative to. */
  readonly root: string;
  readonly path: (name: string) => string;
  readonly call: (method: string, target: string, body?: unknown) => Promise<Response>;
  /** Forgets how large the process has been; what `peakKiB` tells is from now on. */
  readonly resetPeak: () => Promise<void>;
  readonly residentKiB: () => Promise<number>;
  readonly peakKiB: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

export async function startFilesAgent(env: Readonly<Record<string, string>> = {}): Promise<FilesAgent> {
  const root = await mkdtemp(join(tmpdir(), 'execd-files-'));
  const temporary = join(root, 'tmp');
  await mkdir(temporary);
  const command = ['--max-http-header-size=1048576', here('./files-server.ts')];
  const child = spawn(here('../../../node_modules/.bin/bun'), command, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: root, TMPDIR: temporary, TZ: 'UTC', ...env },
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const { port, pid } = JSON.parse(line) as { port: number; pid: number };
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    pid,
    root,
    path: (name) => join(root, name),
    call: (method, target, body) => callAgent(url + target, method, body),
    resetPeak: () => writeFile(`/proc/${pid}/clear_refs`, '5'),
    residentKiB: () => statusField(pid, 'VmRSS'),
    peakKiB: () => statusField(pid, 'VmHWM'),
    async stop() {
      const exited = child.exitCode === null ? once(child, 'exit') : undefined;
      child.kill();
      await exited;
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function callAgent(url: string, method: string, body: unknown): Promise<Response> {
  return fetch(url, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

async function statusField(pid: number, name: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
}

/** `?path=…&path=…` */
export function pathQuery(...paths: readonly string[]): string {
  return `?${paths.map((path) => `path=${encodeURIComponent(path)}`).join('&')}`;
}

/** An error body: both keys, and nothing else. */
export async function errorOf(
  response: Response,
): Promise<{ status: number; code: string; message: string }> {
  const body = (await response.json()) as { code: string; message: string };
  if (typeof body.code !== 'string' || typeof body.message !== 'string' || body.message === '') {
    throw new Error(`not an error envelope: ${JSON.stringify(body)}`);
  }
  return { status: response.status, code: body.code, message: body.message };
}

/** A success without a body says so with its length. */
export function isVoidSuccess(response: Response): boolean {
  return response.status === 200 && response.headers.get('content-length') === '0';
}
