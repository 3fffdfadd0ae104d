import { isFault } from '@opensandbox/base';
import type { Engine } from '../engine/engine.ts';
import { orAbsent } from '../faults.ts';
import { AGENT_DIR } from '../names.ts';
import { readSingleFile } from './archive.ts';
import type { Manifest } from './manifest.ts';
import { formatManifest, MARKER, parseManifest } from './manifest.ts';

/** `busy`: the engine keeps us waiting, since somebody is writing through the same container. */
export type VolumeState = 'complete' | 'incomplete' | 'busy';

export interface VolumeView {
  /** Id of a container that mounts the volume. */
  readonly container: string;
  /** What the volume must hold. `undefined`: only its marker knows, and reading that is a slow call. */
  readonly manifest: Manifest | undefined;
}

type CheckEngine = Pick<Engine, 'fileSize' | 'readArchive'>;

/**
 * Looks at an agent volume through a container. The marker alone does not make it complete: a host that lost power,
 * or somebody's repair, may have kept the marker and lost what it stands for.
 */
export async function checkVolume(
  engine: CheckEngine,
  view: VolumeView,
  signal: AbortSignal,
): Promise<VolumeState> {
  const hasSize = async ([path, expected]: readonly [string, number]): Promise<boolean> => {
    const asking = engine.fileSize(view.container, `${AGENT_DIR}/${path}`, signal);
    const size = await orAbsent(asking.then((told) => told ?? expected));
    return size === expected;
  };
  try {
    const manifest = view.manifest ?? (await readMarker(engine, view.container, signal));
    if (manifest === undefined) return 'incomplete';
    // The marker is asked for alone: it is last to be there, and until then one call tells all.
    if (!(await hasSize([MARKER, formatManifest(manifest).length]))) return 'incomplete';
    const found = await Promise.all([...manifest].map(hasSize));
    return found.every(Boolean) ? 'complete' : 'incomplete';
  } catch (error) {
    if (isFault(error, 'timeout')) return 'busy';
    throw error;
  }
}

async function readMarker(
  engine: CheckEngine,
  container: string,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const marker = `${AGENT_DIR}/${MARKER}`;
  // First the call that gives up early when somebody is writing.
  const isThere = await orAbsent(engine.fileSize(container, marker, signal).then(() => true));
  const tar = isThere && (await orAbsent(engine.readArchive(container, marker, signal)));
  const content = tar instanceof Buffer ? await readSingleFile(tar) : undefined;
  return content === undefined ? undefined : parseManifest(content.toString());
}
