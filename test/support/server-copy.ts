import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { docker, lines } from './docker.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const CARRIER_LABEL = 'opensandbox.io/auxiliary=agent-carrier';

/** A copy of the built server whose agent, and so the agent's volume, no other server has. */
export interface ServerCopy {
  readonly program: string;
  /** Changes a byte of the agent: the next start needs a volume that does not exist yet. */
  changeAgent(): void;
  /** Names of the agent volumes that the copy made. */
  volumes(): Promise<string[]>;
  /** Names of the containers through which they are being filled. */
  carriers(): Promise<string[]>;
  /** Removes them all; no sandbox may use the volumes any more. */
  clear(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function copyServer(): ServerCopy {
  const home = mkdtempSync(join(tmpdir(), 'opensandbox-copy-'));
  for (const part of ['bin', 'dist', 'examples', 'package.json']) {
    cpSync(join(root, 'apps/server', part), join(home, part), { recursive: true, verbatimSymlinks: true });
  }
  symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'));
  // Agent volumes are labelled with the server's version: this one tells the copy's volumes from all others.
  const version = `0.0.0-${randomUUID()}`;
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as object;
  writeFileSync(join(home, 'package.json'), JSON.stringify({ ...manifest, version }));

  const volumes = (): Promise<string[]> =>
    lines('volume', 'ls', '-q', '--filter', `label=opensandbox.io/agent-version=${version}`);
  const copy: ServerCopy = {
    program: join(home, 'bin/opensandbox-server.js'),
    changeAgent: () => writeFileSync(join(home, 'dist/execd/unique'), randomUUID()),
    volumes,
    async carriers() {
      const own = new Set((await volumes()).map((name) => `${name}-carrier`));
      const all = await lines('ps', '-a', '--format', '{{.Names}}', '--filter', `label=${CARRIER_LABEL}`);
      return all.filter((name) => own.has(name));
    },
    async clear() {
      const carriers = await copy.carriers();
      if (carriers.length > 0) await docker('rm', '-f', ...carriers);
      const left = await volumes();
      if (left.length > 0) await docker('volume', 'rm', ...left);
    },
    async [Symbol.asyncDispose]() {
      await copy.clear();
      rmSync(home, { recursive: true, force: true });
    },
  };
  copy.changeAgent();
  return copy;
}
