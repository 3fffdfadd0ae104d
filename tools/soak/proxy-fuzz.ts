import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';

const REPOSITORY = resolve(import.meta.dirname, '../..');

/** The short form of `verify`, longer and with requests of its own. */
export async function fuzzProxy(): Promise<string[]> {
  const seed = String(Math.floor(Math.random() * 2 ** 31));
  const child = spawn(
    process.execPath,
    [
      join(REPOSITORY, 'node_modules/vitest/vitest.mjs'),
      ...['run', '--project', 'engine', 'apps/server/test/proxy-fuzz.test.ts'],
    ],
    {
      cwd: REPOSITORY,
      env: { ...process.env, PROXY_FUZZ_SEED: seed, PROXY_FUZZ_RUNS: '5000' },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0 ? [] : [`proxied requests of seed ${seed} did not arrive as they were sent`];
}
