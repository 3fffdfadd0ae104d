import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const OUT = join(ROOT, 'dist', `bundled-${process.pid}.mjs`);

const PROGRAM = `
  import { mkdtempSync, rmSync } from 'node:fs';
  import { tmpdir } from 'node:os';
  import { join } from 'node:path';
  import { openScope, silentLogger } from '@opensandbox/base';
  import { openSqliteStore } from './src/index.ts';
  const directory = mkdtempSync(join(tmpdir(), 'opensandbox-store-'));
  const scope = openScope(silentLogger);
  const store = await openSqliteStore({ path: join(directory, 'store.db') }, scope);
  await store.insert({ id: 'a', revision: 1, spec: { source: { kind: 'snapshot' } } });
  console.log(store.list().length);
  await scope[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
`;

afterAll(() => rm(OUT, { force: true }));

// Development tools keep names with a helper of their own.
it.each([{}, { minify: true }, { keepNames: true }])(
  'the store writes when it is bundled with %j',
  async (how) => {
    await build({
      stdin: { contents: PROGRAM, resolveDir: ROOT, loader: 'ts' },
      outfile: OUT,
      bundle: true,
      ...how,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      external: ['better-sqlite3'],
      logLevel: 'silent',
    });
    const { stdout } = await promisify(execFile)(process.execPath, [OUT]);
    expect(stdout.trim()).toBe('1');
  },
);
