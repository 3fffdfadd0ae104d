/** Builds what ships: the bundles of the server and the gateway, and the agent's layout below the server's. */
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function manifests(): Manifest[] {
  return ['packages', 'drivers', 'apps']
    .flatMap((folder) =>
      readdirSync(join(root, folder)).map((name) => join(root, folder, name, 'package.json')),
    )
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as Manifest);
}

/** Everything from npm stays outside of the bundle; our own packages go in. */
function externals(): string[] {
  const all = manifests();
  const own = new Set(all.map((manifest) => manifest.name));
  return [...new Set(all.flatMap((manifest) => Object.keys(manifest.dependencies ?? {})))]
    .filter((name) => !own.has(name))
    .flatMap((name) => [name, `${name}/*`]);
}

/** One bundle of `apps/<name>/src/main.ts` in `apps/<name>/dist`. */
async function bundle(name: string): Promise<void> {
  const outdir = join(root, 'apps', name, 'dist');
  rmSync(outdir, { recursive: true, force: true });
  await build({
    entryPoints: [join(root, 'apps', name, 'src/main.ts')],
    outdir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    // What is imported late must stay apart, or its own imports would load with the server.
    splitting: true,
    target: 'node20',
    sourcemap: true,
    external: [...externals(), '@alibaba-group/opensandbox'],
    logLevel: 'warning',
  });
}

function buildAgent(): void {
  const layout = join(root, 'apps/execd/dist/rootfs');
  execFileSync(join(root, 'node_modules/.bin/tsx'), [join(root, 'apps/execd/build.ts'), layout], {
    stdio: 'inherit',
  });
  const shipped = join(root, 'apps/server/dist/execd');
  cpSync(layout, shipped, { recursive: true, verbatimSymlinks: true });
  chmodSync(join(shipped, 'bootstrap.sh'), 0o755);
}

await bundle('server');
await bundle('ingress');
buildAgent();
