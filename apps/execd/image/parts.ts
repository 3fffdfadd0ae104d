import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Processors by the names that image registries and Debian have for them. */
export type Architecture = 'amd64' | 'arm64';

/** What a build takes from elsewhere when the building machine has another processor. */
export interface Parts {
  /** A Debian root with the C library, dash, unshare and a static busybox. */
  readonly sysroot: string;
  /** The runtime to build into the agent. */
  readonly runtime: string;
}

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const CACHE = join(REPOSITORY, '.cache', 'execd-parts');
const PACKAGES = ['libc6', 'dash', 'util-linux', 'busybox-static'];
const RUNTIMES: Readonly<Record<Architecture, string>> = {
  amd64: '@oven/bun-linux-x64',
  arm64: '@oven/bun-linux-aarch64',
};

export function nativeArchitecture(): Architecture {
  return process.arch === 'arm64' ? 'arm64' : 'amd64';
}

/** Fetches them with npm and apt, once; neither learns of it, so the machine itself stays as it is. */
export function fetchParts(architecture: Architecture): Parts {
  const version = runtimeVersion();
  const directory = join(CACHE, [architecture, version, ...PACKAGES].join('-'));
  if (!existsSync(directory)) {
    const fresh = `${directory}.${process.pid}`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(join(fresh, 'root'), { recursive: true });
    fetchRuntime(`${RUNTIMES[architecture]}@${version}`, fresh);
    fetchPackages(architecture, fresh);
    renameSync(fresh, directory);
  }
  return { sysroot: join(directory, 'root'), runtime: join(directory, 'package', 'bin', 'bun') };
}

/** The one this repository builds with: both parts of an agent must be of the same. */
function runtimeVersion(): string {
  const manifest = readFileSync(join(REPOSITORY, 'node_modules', 'bun', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function fetchRuntime(name: string, directory: string): void {
  run('npm', ['pack', '--silent', '--pack-destination', directory, name], directory);
  for (const archive of filesOf(directory, '.tgz')) {
    run('tar', ['-xzf', archive, 'package/bin/bun'], directory);
    rmSync(join(directory, archive));
  }
}

/** With lists and a cache of its own, apt takes no notice of what this machine has and is. */
function fetchPackages(architecture: Architecture, directory: string): void {
  const apt = join(directory, 'apt');
  mkdirSync(join(apt, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(apt, 'cache', 'archives', 'partial'), { recursive: true });
  const options = [
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    `Dir::State::Lists=${join(apt, 'lists')}`,
    `Dir::Cache=${join(apt, 'cache')}`,
    'Dir::State::status=/dev/null',
    'APT::Sandbox::User=root',
  ].map((option) => `--option=${option}`);
  run('apt-get', [...options, '--quiet=2', 'update'], apt);
  run('apt-get', [...options, '--quiet=2', 'download', ...PACKAGES], apt);
  for (const file of filesOf(apt, '.deb')) run('dpkg-deb', ['-x', file, join(directory, 'root')], apt);
  rmSync(apt, { recursive: true });
}

function filesOf(directory: string, extension: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith(extension));
}

function run(program: string, args: readonly string[], cwd: string): void {
  execFileSync(program, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}
