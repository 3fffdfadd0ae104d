import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, flag, LIBRARIES, LOADER } from '../build.ts';
import { PT_INTERP, readSegments } from '../elf-file.ts';
import { packOneFile } from '../one-file.ts';
import { loadImage } from './load-image.ts';
import type { Architecture, Parts } from './parts.ts';
import { fetchParts, nativeArchitecture } from './parts.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const BUSYBOX = 'bin/busybox';
/** What platforms run in the image: they copy the agent out of it with these, or wait while they read it. */
const APPLETS = [
  'sh',
  'cp',
  'chmod',
  'tail',
  'mkdir',
  'mv',
  'ln',
  'ls',
  'cat',
  'sleep',
  'test',
  'true',
  'env',
];

/** Makes the image's root for one processor, in `directory`. */
export function buildImageRoot(architecture: Architecture, directory: string): void {
  const parts = architecture === nativeArchitecture() ? undefined : fetchParts(architecture);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, 'bin'), { recursive: true });
  const layout = `${directory}.layout`;
  const target = architecture === 'arm64' ? 'arm64' : 'x64';
  build({
    outDir: layout,
    target: `bun-linux-${target}`,
    runtime: parts?.runtime,
    sysroot: parts?.sysroot,
    installedAt: undefined,
  });
  const content = (path: string): Buffer => readFileSync(join(layout, path));
  const executable = packOneFile({
    target,
    executable: content('execd'),
    loader: content(`lib/${LOADER}`),
    libraries: new Map(LIBRARIES.map((name) => [name, content(`lib/${name}`)])),
  });
  writeProgram(join(directory, 'execd'), executable);
  writeProgram(join(directory, 'bootstrap.sh'), bootstrapOfOneFile(content('bootstrap.sh').toString()));
  rmSync(layout, { recursive: true });
  copyBusybox(parts, directory);
  mkdirSync(join(directory, 'tmp'));
  chmodSync(join(directory, 'tmp'), 0o1777);
}

/** Only two files are taken from the image: the launcher is in the agent. */
export function bootstrapOfOneFile(script: string): string {
  const line = 'osb_launch=$osb_home/lib/launch\n';
  if (!script.includes(line)) throw new Error('bootstrap.sh does not say where the launcher is');
  return script.replace(line, 'osb_launch="$osb_home/execd --launch"\n');
}

function writeProgram(path: string, content: Buffer | string): void {
  writeFileSync(path, content);
  chmodSync(path, 0o755);
}

function copyBusybox(parts: Parts | undefined, directory: string): void {
  const source = join(parts?.sysroot ?? '/', BUSYBOX);
  const isStatic =
    existsSync(source) && !readSegments(readFileSync(source)).some(({ type }) => type === PT_INTERP);
  if (!isStatic) throw new Error(`no static busybox at ${source}: apt-get install busybox-static`);
  copyFileSync(source, join(directory, BUSYBOX));
  chmodSync(join(directory, BUSYBOX), 0o755);
  for (const applet of APPLETS) symlinkSync('busybox', join(directory, 'bin', applet));
}

function main(args: readonly string[]): void {
  const wanted = flag(args, 'arch') ?? nativeArchitecture();
  const architectures: readonly Architecture[] =
    wanted === 'all' ? ['amd64', 'arm64'] : [architectureOf(wanted)];
  const out = flag(args, 'out') ?? join(HERE, '..', 'dist', 'image');
  const tag = flag(args, 'tag');
  for (const architecture of architectures) {
    const root = join(out, `linux-${architecture}`);
    buildImageRoot(architecture, root);
    const mebibytes = statSync(join(root, 'execd')).size / (1024 * 1024);
    process.stdout.write(`built ${root}, execd is ${mebibytes.toFixed(1)} MiB\n`);
    if (tag === undefined) continue;
    const name = architectures.length === 1 ? tag : `${tag}-${architecture}`;
    loadImage({ architecture, root, tag: name });
    process.stdout.write(`built the image ${name}\n`);
  }
}

function architectureOf(name: string): Architecture {
  if (name !== 'amd64' && name !== 'arm64') throw new Error(`--arch is amd64, arm64 or all, not ${name}`);
  return name;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
