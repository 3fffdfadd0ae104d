import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, INSTALLED_AT, nativeTarget } from '../../build.ts';
import { buildImageRoot } from '../../image/build-image.ts';
import type { Architecture } from '../../image/parts.ts';

const WORKSPACE = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const REPOSITORY = join(WORKSPACE, '..', '..');
const CACHE = join(REPOSITORY, '.cache', 'execd');

/** The built layout for containers, which mount it where it says it is installed. */
export function builtForContainers(): string {
  return built('container', (outDir) => build({ ...NATIVE, outDir, installedAt: INSTALLED_AT }));
}

/** The built layout for this machine, run with this machine's C library. */
export function builtForHost(): string {
  return built('host', (outDir) => build({ ...NATIVE, outDir, installedAt: undefined }));
}

/** The root of the published image for a processor, with the agent as one file. */
export function builtImageRoot(architecture: Architecture): string {
  return built(`image-${architecture}`, (outDir) => buildImageRoot(architecture, outDir));
}

const NATIVE = { target: nativeTarget(), runtime: undefined };

/** Builds once for each state of the sources. */
function built(kind: string, make: (outDir: string) => void): string {
  const directory = join(CACHE, `${kind}-${sourceHash()}`);
  if (existsSync(directory)) return directory;
  const fresh = `${directory}.${process.pid}`;
  mkdirSync(CACHE, { recursive: true });
  removeStale(kind);
  make(fresh);
  try {
    renameSync(fresh, directory);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(directory)) throw error; // otherwise another run was faster
  }
  return directory;
}

function sourceHash(): string {
  const hash = createHash('sha256');
  for (const path of SOURCES.flatMap(filesBelow).sort()) hash.update(path).update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}

const SOURCES = [
  'apps/execd/src',
  'apps/execd/assets',
  'apps/execd/build.ts',
  'apps/execd/elf-file.ts',
  'apps/execd/elf-loader.ts',
  'apps/execd/image',
  'apps/execd/launcher.ts',
  'apps/execd/one-file-code.ts',
  'apps/execd/one-file.ts',
  'packages/base/src',
  'packages/http/src',
  'packages/process/src',
  'package-lock.json',
].map((path) => join(REPOSITORY, path));

function filesBelow(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && !file.name.endsWith('.test.ts'))
    .map((file) => join(file.parentPath, file.name));
}

const STALE_MS = 30 * 60 * 1000;

/** Each build is large; those of earlier sources go, unless a run that began before may still use them. */
function removeStale(kind: string): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    if (name.startsWith(kind) && statSync(path).mtimeMs < Date.now() - STALE_MS) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}
