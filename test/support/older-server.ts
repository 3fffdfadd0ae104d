import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { docker, lines } from './docker.ts';

const run = promisify(execFile);
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const OWN_SCOPE = '@opensandbox';

/** The server of an earlier commit, built by that commit's own tools, with an agent that no other server has. */
export interface OlderServer extends AsyncDisposable {
  readonly program: string;
  /** What it was built from, for people. */
  readonly origin: string;
  /** Names of the agent volumes that it made. */
  volumes(): Promise<string[]>;
}

/** `commit` is what to build from; a clone that does not have it builds its latest commit instead, and says so. */
export async function buildOlderServer(commit: string): Promise<OlderServer> {
  const home = mkdtempSync(join(tmpdir(), 'opensandbox-older-'));
  const remove = (): void => rmSync(home, { recursive: true, force: true });
  try {
    const origin = await unpack(commit, home);
    linkModules(home);
    const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');
    await run(process.execPath, [tsx, join(home, 'tools/build.ts')], { cwd: home, maxBuffer: 1 << 26 });
    const version = makeUnique(home);
    const volumes = (): Promise<string[]> =>
      lines('volume', 'ls', '-q', '--filter', `label=opensandbox.io/agent-version=${version}`);
    return {
      program: join(home, 'apps/server/bin/opensandbox-server.js'),
      origin,
      volumes,
      async [Symbol.asyncDispose]() {
        const left = await volumes();
        if (left.length > 0) await docker('volume', 'rm', ...left);
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** The files of a commit, as they are in the repository: nothing of the working tree, and no change of it. */
async function unpack(commit: string, home: string): Promise<string> {
  const git = (...args: readonly string[]): Promise<{ stdout: string }> => run('git', ['-C', root, ...args]);
  const exists = await git('rev-parse', '--verify', '--quiet', `${commit}^{commit}`).then(
    () => true,
    () => false,
  );
  const from = exists ? commit : 'HEAD';
  const archive = join(home, 'source.tar');
  await git('archive', `--output=${archive}`, from);
  await run('tar', ['-x', '-f', archive, '-C', home]);
  rmSync(archive);
  const { stdout } = await git('log', '-1', '--format=%h %s', from);
  return `${stdout.trim()}${exists ? '' : ` (this clone has no ${commit}: the latest commit instead)`}`;
}

/** Packages from npm are shared with this repository; our own are those of the commit. */
function linkModules(home: string): void {
  const modules = join(home, 'node_modules');
  mkdirSync(join(modules, OWN_SCOPE), { recursive: true });
  for (const folder of ['packages', 'drivers', 'apps']) {
    for (const name of readdirSync(join(home, folder))) {
      const text = readFileSync(join(home, folder, name, 'package.json'), 'utf8');
      const manifest = JSON.parse(text) as { readonly name: string };
      symlinkSync(join(home, folder, name), join(modules, manifest.name));
    }
  }
  const shared = readdirSync(join(root, 'node_modules')).filter((name) => !existsSync(join(modules, name)));
  for (const name of shared) symlinkSync(join(root, 'node_modules', name), join(modules, name));
}

/** An agent of its own needs a volume of its own; the version, which labels it, tells it from all others. */
function makeUnique(home: string): string {
  const version = `0.0.0-${randomUUID()}`;
  writeFileSync(join(home, 'apps/server/dist/execd/unique'), version);
  const manifest = join(home, 'apps/server/package.json');
  const content = JSON.parse(readFileSync(manifest, 'utf8')) as object;
  writeFileSync(manifest, JSON.stringify({ ...content, version }));
  return version;
}
