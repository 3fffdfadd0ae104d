import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useLoader } from './elf-loader.ts';
import { buildLauncher } from './launcher.ts';

/**
 * Builds what a sandbox finds at /opt/opensandbox: the agent as one executable, the script that starts it and
 * the C library it runs with, so that the image need not have one.
 */
export interface BuildOptions {
  readonly outDir: string;
  /** What Bun compiles for: `bun-linux-x64`, `bun-linux-x64-baseline`, `bun-linux-arm64`. */
  readonly target: string;
  /** The Bun executable to build into the agent, where it is not the one that compiles. */
  readonly runtime: string | undefined;
  /** Where sandboxes find `outDir`; undefined for an executable that uses this machine's own C library. */
  readonly installedAt: string | undefined;
  /** A Debian root of the target's processor, where it is not this machine's. */
  readonly sysroot?: string | undefined;
}

const HERE = dirname(fileURLToPath(import.meta.url));
const REPOSITORY = join(HERE, '..', '..');
export const INSTALLED_AT = '/opt/opensandbox';
const RUNTIME_DIR = '/tmp/.opensandbox';

/** The directory is mounted read-only; what is written at run time has its place behind these names. */
const LINKS: Readonly<Record<string, string>> = {
  '.env': `${RUNTIME_DIR}/env`,
  'mitmproxy-ca-cert.pem': `${RUNTIME_DIR}/mitmproxy-ca-cert.pem`,
  'merged-ca-certificates.pem': `${RUNTIME_DIR}/merged-ca-certificates.pem`,
};

interface CLibrary {
  readonly directory: string;
  readonly loader: string;
}

/** A short name: it replaces the usual path in the executable, which has no room for more. */
export const LOADER = 'ld.so';
export const LIBRARIES = ['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0'];

const LAUNCHER = 'launch';
/** The shell of images that have none; needs the C library alone. */
const SHELL = 'sh';
const SHELL_SOURCE = '/bin/dash';
/** Makes the namespaces of isolated sessions; needs the C library alone. */
const UNSHARE = 'unshare';
const UNSHARE_SOURCE = '/usr/bin/unshare';

function cLibraryFor(target: string, sysroot: string): CLibrary {
  return target.includes('arm64')
    ? { directory: join(sysroot, 'lib/aarch64-linux-gnu'), loader: 'ld-linux-aarch64.so.1' }
    : { directory: join(sysroot, 'lib/x86_64-linux-gnu'), loader: 'ld-linux-x86-64.so.2' };
}

export function build(options: BuildOptions): void {
  const { outDir } = options;
  const executable = join(outDir, 'execd');
  rmSync(outDir, { recursive: true, force: true });
  mkdirSync(join(outDir, 'lib'), { recursive: true });
  compile(options, executable);
  const library = cLibraryFor(options.target, options.sysroot ?? '/');
  copyLibrary(library, join(outDir, 'lib'));
  if (options.installedAt !== undefined) useOwnLoader(executable, options.installedAt);
  writeFileSync(
    join(outDir, 'lib', LAUNCHER),
    buildLauncher(options.target.includes('arm64') ? 'arm64' : 'x64'),
  );
  copyTool(options, SHELL_SOURCE, join(outDir, 'lib', SHELL));
  copyTool(options, UNSHARE_SOURCE, join(outDir, 'lib', UNSHARE));
  copyFileSync(join(HERE, 'assets', 'bootstrap.sh'), join(outDir, 'bootstrap.sh'));
  for (const file of ['execd', 'bootstrap.sh', `lib/${LOADER}`, `lib/${LAUNCHER}`]) {
    chmodSync(join(outDir, file), 0o755);
  }
  for (const [name, place] of Object.entries(LINKS)) symlinkSync(place, join(outDir, name));
}

function compile(options: BuildOptions, executable: string): void {
  const bun = realpathSync(join(REPOSITORY, 'node_modules', '.bin', 'bun'));
  const flags = [
    'build',
    '--compile',
    '--minify',
    '--bytecode',
    // What is imported late is then also read late: it costs an agent that never needs it neither time nor memory.
    '--splitting',
    '--format=esm',
    `--target=${options.target}`,
    // A file of the sandbox's own must not change the agent.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    // One request may name hundreds of files in its query.
    '--compile-exec-argv=--max-http-header-size=1048576',
    ...(options.runtime === undefined ? [] : [`--compile-executable-path=${options.runtime}`]),
    join(HERE, 'src', 'main.ts'),
    `--outfile=${executable}`,
  ];
  execFileSync(bun, flags, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'inherit'] });
}

function copyLibrary(library: CLibrary, directory: string): void {
  copyFileSync(realpathSync(join(library.directory, library.loader)), join(directory, LOADER));
  // The C library asks for its loader by name, too.
  symlinkSync(LOADER, join(directory, library.loader));
  for (const name of LIBRARIES) {
    copyFileSync(realpathSync(join(library.directory, name)), join(directory, name));
  }
}

/** Without the shell, images must bring one of their own; without `unshare` there are no isolated sessions. */
function copyTool(options: BuildOptions, toolPath: string, path: string): void {
  const isNative = options.target.includes('arm64') === (process.arch === 'arm64');
  if (!isNative && options.sysroot === undefined) return;
  const source = join(options.sysroot ?? '/', toolPath);
  if (!existsSync(source)) return;
  copyFileSync(source, path);
  chmodSync(path, 0o755);
}

function useOwnLoader(executable: string, installedAt: string): void {
  const libraries = `${installedAt}/lib`;
  const image = readFileSync(executable);
  useLoader(image, { interpreter: `${libraries}/${LOADER}`, libraries });
  writeFileSync(executable, image);
}

function sizes(directory: string): string {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true });
  const lines = files
    .filter((file) => file.isFile())
    .map((file) => {
      const path = join(file.parentPath, file.name);
      const mebibytes = statSync(path).size / (1024 * 1024);
      return `${mebibytes.toFixed(2).padStart(9)} MiB  ${path.slice(directory.length + 1)}`;
    });
  return lines.sort().reverse().join('\n');
}

/** What this machine runs. */
export function nativeTarget(): string {
  return `bun-linux-${process.arch === 'arm64' ? 'arm64' : 'x64'}`;
}

export function flag(args: readonly string[], name: string): string | undefined {
  const prefix = `--${name}=`;
  return args.find((arg) => arg.startsWith(prefix))?.slice(prefix.length);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const outDir = args.find((arg) => !arg.startsWith('--')) ?? join(HERE, 'dist', 'rootfs');
  const startedAt = performance.now();
  build({
    outDir,
    target: flag(args, 'target') ?? nativeTarget(),
    runtime: flag(args, 'runtime'),
    installedAt: flag(args, 'installed-at') ?? INSTALLED_AT,
    sysroot: flag(args, 'sysroot'),
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`${sizes(outDir)}\nbuilt ${outDir} in ${seconds} s\n`);
}
