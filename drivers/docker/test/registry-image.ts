import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IMAGE } from './docker-harness.ts';
import type { Registry } from './registry.ts';

type Docker = (...args: readonly string[]) => Promise<string>;

export const BALLAST_BYTES = 3_000_000;

/** Pushes an image with one layer of noise that nobody has; removes it from the engine. Resolves with its digest. */
export async function pushBallast(docker: Docker, registry: Registry, uri: string): Promise<string> {
  const file = join(registry.cliConfig, '..', 'ballast');
  await writeFile(file, randomBytes(BALLAST_BYTES));
  const container = await docker('create', IMAGE, 'true');
  await docker('cp', file, `${container}:/ballast`);
  await docker('commit', container, uri);
  await docker('rm', container);
  const pushed = await docker('--config', registry.cliConfig, 'push', uri);
  await docker('rmi', uri);
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(pushed)?.[1];
  if (digest === undefined) throw new Error(`no digest in: ${pushed}`);
  return digest;
}
