import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';

/** One thing below the agent's directory. `path` is relative to it. */
export type LayoutEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly mode: number;
      readonly size: number;
      readonly source: string | Buffer;
    };

export interface Layout {
  /** Fingerprint of all names, modes and contents. */
  readonly hash: string;
  readonly entries: readonly LayoutEntry[];
}

const REQUIRED = ['execd', 'bootstrap.sh'];
/**
 * Names that lead to a writable place, since sandboxes see the layout read-only. The build makes them, but an
 * npm package cannot hold symbolic links: what is missing is added here.
 */
const LINKS: Readonly<Record<string, string>> = {
  '.env': '/tmp/.opensandbox/env',
  'mitmproxy-ca-cert.pem': '/tmp/.opensandbox/mitmproxy-ca-cert.pem',
  'merged-ca-certificates.pem': '/tmp/.opensandbox/merged-ca-certificates.pem',
};

/** Reads the built-in agent as it shall appear in every sandbox. */
export async function readLayout(directory: string, signal: AbortSignal): Promise<Layout> {
  const found = await walk(directory, '').catch((cause: unknown) => {
    throw notBuilt(directory, cause);
  });
  const names = new Set(found.map((entry) => entry.path));
  const missing = Object.entries(LINKS).filter(([path]) => !names.has(path));
  const links = missing.map(([path, target]): LayoutEntry => ({ kind: 'link', path, target }));
  const entries = [...found, ...links].sort((a, b) => (a.path < b.path ? -1 : 1));
  if (!REQUIRED.every((name) => names.has(name))) throw notBuilt(directory, undefined);
  const hash = createHash('sha256');
  for (const entry of entries) await addToHash(hash, entry, signal);
  return { hash: hash.digest('hex'), entries };
}

async function walk(root: string, inside: string): Promise<readonly LayoutEntry[]> {
  const names = (await readdir(join(root, inside))).sort();
  const found = await Promise.all(
    names.map(async (name): Promise<readonly LayoutEntry[]> => {
      const path = inside === '' ? name : `${inside}/${name}`;
      const source = join(root, path);
      const stat = await lstat(source);
      if (stat.isSymbolicLink()) return [{ kind: 'link', path, target: await readlink(source) }];
      if (stat.isDirectory()) return [{ kind: 'directory', path }, ...(await walk(root, path))];
      return [{ kind: 'file', path, mode: chooseMode(path, stat.mode), size: stat.size, source }];
    }),
  );
  return found.flat();
}

/** A checkout or a package may have lost the executable bits of what the kernel must be able to start. */
export function chooseMode(path: string, mode: number): number {
  const mustRun = REQUIRED.includes(path) || path.startsWith('lib/') || (mode & 0o111) !== 0;
  return mustRun ? 0o755 : 0o644;
}

async function addToHash(hash: Hash, entry: LayoutEntry, signal: AbortSignal): Promise<void> {
  hash.update(`${entry.kind} ${entry.path}\0`);
  if (entry.kind === 'link') hash.update(entry.target);
  if (entry.kind !== 'file') return;
  hash.update(`${entry.mode} ${entry.size}\0`);
  if (Buffer.isBuffer(entry.source)) hash.update(entry.source);
  else
    await pipeline(
      createReadStream(entry.source),
      async (chunks) => {
        for await (const chunk of chunks) hash.update(chunk as Buffer);
      },
      { signal },
    );
}

function notBuilt(directory: string, cause: unknown): Fault {
  return new Fault(
    'internal',
    'agent.distribution_failed' satisfies FaultCode,
    `The built-in agent is not complete in ${directory}. Build it with "npm run build", or set runtime.execd_image.`,
    { cause },
  );
}
