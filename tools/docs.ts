/** Writes the generated documents, or with `--check` fails when one of them has drifted from its source. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderChangelog } from './docs/changelog.ts';
import { renderConfig } from './docs/config.ts';
import { renderErrors } from './docs/errors.ts';
import { withLayerTable } from './docs/layers.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const architecture = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');

const documents: Readonly<Record<string, string>> = {
  'docs/config.md': renderConfig(),
  'docs/errors.md': renderErrors(),
  'CHANGELOG.md': renderChangelog(join(root, '.changes')),
  'ARCHITECTURE.md': withLayerTable(architecture, readFileSync(join(root, 'layers.json'), 'utf8')),
};

let drifted = 0;
for (const [name, text] of Object.entries(documents)) {
  const path = join(root, name);
  const current = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (current === text) continue;
  drifted += 1;
  if (process.argv.includes('--check'))
    console.error(`${name} is not what its source says: run npm run docs`);
  else {
    writeFileSync(path, text);
    console.log(`wrote ${name}`);
  }
}
if (drifted > 0 && process.argv.includes('--check')) process.exit(1);
