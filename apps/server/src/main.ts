import { readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@opensandbox/base';
import type { Host } from './cli/host.ts';
import { runCommandLine } from './cli/program.ts';
import { redactText } from '@opensandbox/log';

/** This file is `src/main.ts` or, built, `dist/main.js`: the package is one step up in both. */
const packageRoot = new URL('..', import.meta.url);

/** The built program carries its agent; a program run from source uses the agent's own build. */
function shippedAgent(): string {
  const isBuilt = import.meta.url.includes('/dist/');
  return fileURLToPath(new URL(isBuilt ? 'dist/execd' : '../execd/dist/rootfs', packageRoot));
}

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
  homeDir: homedir(),
  tempDir: tmpdir(),
  version: version(),
  nodeVersion: process.version,
  clock: systemClock(),
  stdout: process.stdout,
  stderr: process.stderr,
  isInteractive: process.stdin.isTTY && process.stdout.isTTY,
  signals: process,
  exit: (code) => process.exit(code),
  readFile: readText,
  examplesDir: new URL('examples/', packageRoot),
  rootfsDir: shippedAgent(),
  command: [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)],
};

process.on('uncaughtException', (error) => {
  process.stderr.write(
    `opensandbox-server stopped by a defect: ${redactText(error.stack ?? String(error))}\n`,
  );
  process.exit(70);
});

process.exitCode = await runCommandLine(host);
// Whatever is still open must not keep a finished command alive.
process.stdout.write('', () => process.exit());
