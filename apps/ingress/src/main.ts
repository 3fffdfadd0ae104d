import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { systemClock } from '@opensandbox/base';
import { redactText } from '@opensandbox/log';
import type { Host } from './cli/host.ts';
import { runCommandLine } from './cli/program.ts';

/** This file is `src/main.ts` or, built, `dist/main.js`: the package is one step up in both. */
const packageRoot = new URL('..', import.meta.url);

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('package.json', packageRoot), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

const host: Host = {
  args: process.argv.slice(2),
  env: process.env,
  version: version(),
  clock: systemClock(),
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
  exit: (code) => process.exit(code),
  readFile: readText,
  readFileLater: (path) => readFile(path, 'utf8'),
  random: Math.random,
};

process.on('uncaughtException', (error) => {
  process.stderr.write(
    `opensandbox-ingress stopped by a defect: ${redactText(error.stack ?? String(error))}\n`,
  );
  process.exit(70);
});

process.exitCode = await runCommandLine(host);
// Whatever is still open must not keep a finished command alive.
process.stdout.write('', () => process.exit());
