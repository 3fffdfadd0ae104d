import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { isFault } from '@opensandbox/base';
import type { Logger } from '@opensandbox/base';
import { packFiles } from '../agent/archive.ts';
import type { ImageInspect } from '../engine/answers.ts';
import type { Engine } from '../engine/engine.ts';
import { orAbsent, orAlready } from '../faults.ts';
import { cleanImage, isDraft, snapshotImage } from './image-config.ts';

export interface SealContext {
  readonly engine: Pick<Engine, 'inspectImage' | 'loadImages' | 'removeImage'>;
  readonly log: Logger;
}

/**
 * Puts in place of a commit an image with the same layers that nothing of the container's own configuration is left
 * in. The engine has the layers: an archive that only describes the image is enough, and takes no time. Engines that
 * cannot do this keep the commit, whose labels and variables are empty. Repeating does no harm.
 */
export async function seal(
  context: SealContext,
  { snapshotId, draft }: { readonly snapshotId: string; readonly draft: ImageInspect },
  signal: AbortSignal,
): Promise<void> {
  if (!isDraft(draft)) return;
  const { engine, log } = context;
  const reference = snapshotImage(snapshotId);
  const parent = draft.Parent ?? '';
  const base = parent === '' ? undefined : await orAbsent(engine.inspectImage(parent, signal));
  const description = base && cleanImage(draft, base, snapshotId);
  if (description === undefined) {
    log.warn('snapshot.not_sealed', {
      snapshotId,
      why: 'the engine does not tell what the image is made of',
    });
    return;
  }
  try {
    const answer = await engine.loadImages(archiveOf(description, reference), signal);
    if (
      !answer.includes(`Loaded image: ${reference}`) &&
      (await isStill(context, { reference, draft }, signal))
    ) {
      log.warn('snapshot.not_sealed', { snapshotId, why: answer.trim().slice(0, 500) });
      return;
    }
  } catch (error) {
    if (!isFault(error) || error.code !== 'engine.failed') throw error;
    log.warn('snapshot.not_sealed', { snapshotId, error });
    return;
  }
  await orAlready(engine.removeImage(draft.Id, { noprune: true }, signal));
}

/** Engines do not all say the same when they have taken an image in. */
async function isStill(
  { engine }: SealContext,
  { reference, draft }: { readonly reference: string; readonly draft: ImageInspect },
  signal: AbortSignal,
): Promise<boolean> {
  return (await engine.inspectImage(reference, signal)).Id === draft.Id;
}

/** What `docker load` takes, without the layers: those that the engine has are not read. */
function archiveOf(description: object, reference: string): Readable {
  const config = Buffer.from(JSON.stringify(description));
  const name = `${createHash('sha256').update(config).digest('hex')}.json`;
  const { rootfs } = description as { readonly rootfs: { readonly diff_ids: readonly string[] } };
  const Layers = rootfs.diff_ids.map((_, index) => `${index}/layer.tar`);
  const manifest = Buffer.from(JSON.stringify([{ Config: name, RepoTags: [reference], Layers }]));
  return packFiles(
    [
      { path: name, source: config },
      { path: 'manifest.json', source: manifest },
    ].map(({ path, source }) => ({ kind: 'file', path, mode: 0o644, size: source.length, source })),
  );
}
