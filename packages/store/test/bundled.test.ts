import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, stop } from 'esbuild';
import { afterAll, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const OUT = join(ROOT, 'dist', `bundled-${process.pid}.mjs`);

const PROGRAM = `
  import { mkdtempSync, rmSync } from 'node:fs';
  import { tmpdir } from 'node:os';
  import { join } from 'node:path';
  import { openScope, silentLogger } from '@opensandbox/base';
  import { openSqliteStores } from './src/index.ts';
  const directory = mkdtempSync(join(tmpdir(), 'opensandbox-store-'));
  const scope = openScope(silentLogger);
  const { sandboxes, snapshots } = await openSqliteStores({ path: join(directory, 'store.db') }, scope);
  await sandboxes.insert({ id: 'a', revision: 1, spec: { source: { kind: 'snapshot' }, volumes: [] } });
  await snapshots.insert({ id: 's', sandboxId: 'a', state: 'Creating', createdAt: 0 });
  await snapshots.update('s', (current) => ({ ...current, state: 'Ready' }));
  console.log(sandboxes.list().length, snapshots.get('s').state);
  await scope[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
`;

afterAll(async () => {
  await rm(OUT, { force: true });
  await stop(); // its process serves until this one ends
});

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
    expect(stdout.trim()).toBe('1 Ready');
  },
);
