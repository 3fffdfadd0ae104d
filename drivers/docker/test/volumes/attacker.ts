import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VolumeTest } from './volume-harness.ts';

/** Has Python: a shell's `mv` is too slow, and cannot exchange. */
const IMAGE = 'opensandbox-demo:latest';

/** Exchanges a directory and a symbolic link, over and over, without a moment in which the name is missing. */
const PROGRAM = `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
os.chdir('/data')
open('started', 'w').close()
EXCHANGE = 2
while True:
    for _ in range(50):
        if libc.renameat2(-100, b'target', -100, b'link', EXCHANGE) != 0:
            raise OSError(ctypes.get_errno(), 'renameat2')
`;

export interface Attack extends AsyncDisposable {
  /** The allowed directory. */
  readonly prefix: string;
  /** What the victims ask for: now a directory with \`inside\` in it, now a link to where \`canary\` is. */
  readonly path: string;
}

/** A sandbox that may write below an allowed directory, and uses it against the others. */
export async function startAttack(test: VolumeTest, directory: string): Promise<Attack> {
  const prefix = join(directory, 'allowed');
  const own = join(prefix, 'tenant');
  await mkdir(join(own, 'target/deep'), { recursive: true });
  await writeFile(join(own, 'target/deep/inside'), '');
  await mkdir(join(directory, 'outside/deep'), { recursive: true });
  await writeFile(join(directory, 'outside/deep/canary'), '');
  await symlink('../../outside', join(own, 'link'));
  const id = await test.docker(
    ...['run', '-d', '--init', '--cpus', '0.6', '-v', `${own}:/data`, IMAGE, 'python3', '-c', PROGRAM],
  );
  const path = join(own, 'target/deep');
  return {
    prefix,
    path,
    async [Symbol.asyncDispose]() {
      const state = await test.docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', id);
      const words = await test.docker('logs', id);
      await test.docker('rm', '-fv', id);
      if (state !== 'running 0') throw new Error(`the attacker ended early: ${state} ${words}`);
    },
  };
}
