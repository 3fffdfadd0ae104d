import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';

const HERE = resolve(fileURLToPath(import.meta.url), '..');

/** Makes one file, that Node runs without anything else, of a program below `test/support/services`. */
export async function bundle(name: string, directory: string): Promise<string> {
  const outfile = join(directory, `${name}.mjs`);
  await build({
    entryPoints: [join(HERE, 'services', `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
    // What a bundle of CommonJS packages expects to find.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  await stop(); // its process would outlive the test
  return outfile;
}
