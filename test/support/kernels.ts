import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { docker } from './docker.ts';

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const PROGRAM = join(REPOSITORY, 'apps/execd/test/blackbox/neighbour.ts');

/** What a sandbox is told of the Jupyter server that `startKernels` puts beside it. */
export const KERNELS = { JUPYTER_HOST: 'http://127.0.0.1:44771', JUPYTER_TOKEN: 'played' };

/** Plays a Jupyter server on a container's loopback; the returned function ends it. */
export async function startKernels(container: string): Promise<() => void> {
  return startKernelsBeside(await docker('inspect', '--format={{.State.Pid}}', container));
}

/** The same by the id of any process that lives in the container's network. */
export async function startKernelsBeside(pid: string | number): Promise<() => void> {
  const tsx = join(REPOSITORY, 'node_modules/.bin/tsx');
  const command = [`--net=/proc/${pid}/ns/net`, process.execPath, tsx, PROGRAM];
  const child = spawn('nsenter', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return () => void child.kill();
}
