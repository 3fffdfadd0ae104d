import type { CommitConfig, ContainerInspect, ImageInspect } from '../engine/answers.ts';
import { LABEL } from '../names.ts';

/** The repository of all snapshots; the tag is the snapshot's id. */
export const SNAPSHOT_REPOSITORY = 'opensandbox-snapshots';

export function snapshotImage(snapshotId: string): string {
  return `${SNAPSHOT_REPOSITORY}:${snapshotId}`;
}

/** Value of the label that says what an image is for: a commit that still holds what the container was started with. */
const DRAFT = 'snapshot-draft';
export const DRAFT_LABEL = `${LABEL.auxiliary}=${DRAFT}`;

export function isDraft(image: ImageInspect): boolean {
  return image.Config?.Labels?.[LABEL.auxiliary] === DRAFT;
}

/**
 * What a commit is told about its image. The engine merges it with what the container was started with: labels and
 * variables cannot be taken away, only emptied, so that no secret gets into an image even for a moment.
 */
export function draftConfig(
  container: ContainerInspect,
  base: ImageInspect | undefined,
  snapshotId: string,
): CommitConfig {
  const own = new Map((base?.Config?.Env ?? []).map((line) => [nameOf(line), line]));
  const names = new Set([...own.keys(), ...(container.Config.Env ?? []).map(nameOf)]);
  const inherited = Object.keys(container.Config.Labels ?? {});
  return {
    Env: [...names].map((name) => own.get(name) ?? `${name}=`),
    Labels: {
      ...Object.fromEntries(inherited.map((key) => [key, base?.Config?.Labels?.[key] ?? ''])),
      [LABEL.auxiliary]: DRAFT,
      [LABEL.snapshotId]: snapshotId,
    },
    Entrypoint: base?.Config?.Entrypoint ?? [],
    Cmd: base?.Config?.Cmd ?? [],
  };
}

function nameOf(line: string): string {
  const end = line.indexOf('=');
  return end < 0 ? line : line.slice(0, end);
}

/**
 * The description of an image that has the layers of `draft` and everything else from `base`: its command, variables,
 * labels and ports are those of the image that the sandbox was started from. The snapshot's id keeps it apart from
 * other snapshots of the same files.
 */
export function cleanImage(draft: ImageInspect, base: ImageInspect, snapshotId: string): object | undefined {
  const layers = draft.RootFS?.Layers ?? [];
  if (layers.length === 0 || base.Config === undefined) return undefined;
  const own = new Set(base.RootFS?.Layers ?? []);
  const history = layers.map((layer) =>
    own.has(layer)
      ? { created: base.Created, created_by: `layer of ${base.Id}` }
      : { created: draft.Created, created_by: `snapshot ${snapshotId}` },
  );
  return {
    architecture: draft.Architecture,
    ...(draft.Variant === undefined || draft.Variant === '' ? {} : { variant: draft.Variant }),
    os: draft.Os,
    created: draft.Created,
    comment: `snapshot ${snapshotId}`,
    config: base.Config,
    rootfs: { type: 'layers', diff_ids: layers },
    history,
  };
}
