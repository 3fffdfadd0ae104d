import { randomUUID } from 'node:crypto';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { orAbsent, orAlready, refusedPath } from '../faults.ts';
import { LABEL } from '../names.ts';
import { errnoOf } from './host-errors.ts';

export interface SightContext {
  readonly engine: Pick<Engine, 'createContainer' | 'removeContainer' | 'hasFile'>;
}

/** `unclear`: the engine does not tell. */
export type Sight = 'seen' | 'unseen' | 'unclear';

/**
 * Whether a path means the same directory to the engine as it does here, and not just one of the same name: makes
 * directories there that nobody can guess, and finds out whether the engine has them. Leaves nothing.
 */
export async function lookFromEngine(
  context: SightContext,
  { directory, image }: { readonly directory: string; readonly image: string },
  signal: AbortSignal,
): Promise<Sight> {
  const [first, second, nowhere] = [randomName(directory), randomName(directory), randomName(directory)];
  try {
    for (const mark of [first, second]) await mkdir(mark, { mode: 0o700 });
    const made = await tryCreate(context, { sources: [first, nowhere], image }, signal);
    if (!('id' in made)) return readRefusal(made.refused, { first, nowhere });
    await remove(context, made.id);
    return await lookInside(context, { directory, mark: second, image }, signal);
  } finally {
    for (const mark of [first, second, nowhere]) await rmdir(mark).catch(ignoreAbsence);
  }
}

/** An engine that checks refuses the first path that is missing, by its name. */
function readRefusal(
  refused: unknown,
  { first, nowhere }: { readonly first: string; readonly nowhere: string },
): Sight {
  const path = refusedPath(refused, [first, nowhere]);
  if (path === undefined) return 'unclear';
  return path === nowhere ? 'seen' : 'unseen';
}

/** Another one takes everything, and makes what is missing: it is asked what it would mount. */
async function lookInside(
  context: SightContext,
  { directory, mark, image }: { readonly directory: string; readonly mark: string; readonly image: string },
  signal: AbortSignal,
): Promise<Sight> {
  const made = await tryCreate(context, { sources: [directory], image }, signal);
  if (!('id' in made)) return 'unclear';
  try {
    const path = `/sight/0${mark.slice(directory.length)}`;
    const looking = context.engine.hasFile(made.id, path, signal).then(() => true);
    return (await orAbsent(looking)) === true ? 'seen' : 'unseen';
  } finally {
    await remove(context, made.id);
  }
}

async function tryCreate(
  { engine }: SightContext,
  { sources, image }: { readonly sources: readonly string[]; readonly image: string },
  signal: AbortSignal,
): Promise<{ readonly id: string } | { readonly refused: unknown }> {
  const mounts = sources.map((source, index) => ({
    Type: 'bind',
    Source: source,
    Target: `/sight/${index}`,
    ReadOnly: true,
  }));
  const draft = {
    Image: image,
    Cmd: ['sight'],
    Labels: { [LABEL.auxiliary]: 'sight' },
    HostConfig: { Mounts: mounts },
  };
  try {
    const wanted = { name: `sandbox-sight-${randomUUID()}`, platform: undefined, draft };
    return { id: await engine.createContainer(wanted, signal) };
  } catch (error) {
    return { refused: error };
  }
}

function remove({ engine }: SightContext, id: string): Promise<void> {
  return orAlready(engine.removeContainer(id, new AbortController().signal));
}

function randomName(directory: string): string {
  return join(directory, `.opensandbox-${randomUUID()}`);
}

function ignoreAbsence(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error;
}
