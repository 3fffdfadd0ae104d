import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { docker, lines } from './docker.ts';

const run = promisify(execFile);
export const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const BUILD_MS = 900_000;
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** An image built from a Dockerfile as it ships. */
export interface ServerImage extends AsyncDisposable {
  readonly tag: string;
}

/**
 * Its two bases are this machine's Node.js on Debian: the first has what npm has downloaded here before, and the
 * binary that better-sqlite3 would fetch or compile.
 */
export async function buildServerImage(dockerfile = 'deploy/Dockerfile'): Promise<ServerImage> {
  const name = `opensandbox-test/server-${randomBytes(4).toString('hex')}`;
  const label = `opensandbox-test.image=${name}`;
  const context = await mkdtemp(join(tmpdir(), 'opensandbox-image-'));
  const dispose = async (): Promise<void> => {
    await rm(context, { recursive: true, force: true });
    const images = await lines('images', '--quiet', '--no-trunc', '--filter', `label=${label}`);
    if (images.length > 0) await docker('rmi', '--force', ...new Set(images));
  };
  try {
    const [base, buildBase] = [join(context, 'base'), join(context, 'build-base')];
    await writeBase(base);
    await build(base, ['--label', label, '--tag', `${name}:base`]);
    await writeBuildBase(buildBase, `${name}:base`);
    await build(buildBase, ['--tag', `${name}:build-base`]);
    const bases = [`BUILD_BASE=${name}:build-base`, `BASE=${name}:base`];
    await build(REPOSITORY, [
      ...['--file', join(REPOSITORY, dockerfile), '--tag', `${name}:latest`],
      ...bases.flatMap((base) => ['--build-arg', base]),
    ]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { tag: `${name}:latest`, [Symbol.asyncDispose]: dispose };
}

async function build(context: string, flags: readonly string[]): Promise<void> {
  const env = { ...process.env, DOCKER_BUILDKIT: '0' };
  const options = { env, timeout: BUILD_MS, maxBuffer: 1 << 26 };
  try {
    await run('docker', ['build', '--force-rm', ...flags, context], options);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`the image was not built:\n${stdout.slice(-3000)}\n${stderr.slice(-1000)}`, {
      cause: error,
    });
  }
}

async function writeBase(context: string): Promise<void> {
  const prefix = dirname(dirname(await realpath(process.execPath)));
  await mkdir(join(context, 'bin'), { recursive: true });
  await cp(process.execPath, join(context, 'bin/node'));
  await cp(join(prefix, 'lib/node_modules/npm'), join(context, 'lib/node_modules/npm'), { recursive: true });
  const lines = [
    'FROM opensandbox-demo:latest',
    'COPY bin /usr/local/bin',
    'COPY lib /usr/local/lib',
    'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm',
  ];
  await writeFile(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
}

async function writeBuildBase(context: string, base: string): Promise<void> {
  const npm = join(context, 'npm');
  await mkdir(npm, { recursive: true });
  const downloads = join(homedir(), '.npm/_cacache');
  if (existsSync(downloads)) await cp(downloads, join(npm, '_cacache'), { recursive: true });
  if (existsSync(CERTIFICATES)) await cp(CERTIFICATES, join(npm, 'certificates.crt'));
  await writePrebuilt(npm);
  const lines = [
    `FROM ${base}`,
    'COPY npm /root/.npm',
    'ENV npm_config_better_sqlite3_local_prebuilds=/root/.npm npm_config_prefer_offline=true',
    'ENV NODE_EXTRA_CA_CERTS=/root/.npm/certificates.crt',
  ];
  await writeFile(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
}

async function writePrebuilt(directory: string): Promise<void> {
  const from = join(REPOSITORY, 'node_modules/better-sqlite3');
  const { version } = JSON.parse(await readFile(join(from, 'package.json'), 'utf8')) as { version: string };
  const platform = `node-v${process.versions.modules}-${process.platform}-${process.arch}`;
  const archive = join(directory, `better-sqlite3-v${version}-${platform}.tar.gz`);
  await run('tar', ['-C', from, '-czf', archive, 'build/Release/better_sqlite3.node']);
}

/** Removes the agent volume of a sandbox, unless somebody else's sandboxes use it too. */
export async function removeAgentVolume(name: string | undefined): Promise<void> {
  if (name !== undefined) await docker('volume', 'rm', name).catch(() => undefined);
}
