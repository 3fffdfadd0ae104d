/*
 * Prints how long snapshots take beside what the engine takes by itself:
 *   npx tsx drivers/docker/test/snapshots/measure-snapshots.ts [rounds]
 */
import { openDockerTest } from '../docker-harness.ts';
import type { DockerTest } from '../docker-harness.ts';
import type { SnapshotWorld } from './snapshot-world.ts';
import { openSnapshotWorld } from './snapshot-world.ts';

const MIB = 50;

export interface SnapshotFigures {
  /** `docker commit` of the same change, by hand, milliseconds. */
  readonly commitMs: number;
  readonly captureMs: number;
  /** A sandbox from the image that the source was made from, up to its start. */
  readonly createMs: number;
  readonly restoreMs: number;
}

/** One round: a fresh change of 50 MB, committed by hand and captured, each first in every other round. */
export async function measureSnapshot(
  { docker }: Pick<DockerTest, 'docker'>,
  world: SnapshotWorld,
  isCommitFirst: boolean,
): Promise<SnapshotFigures> {
  const sandbox = await world.create();
  await world.inside(sandbox, `dd if=/dev/urandom of=/big bs=1048576 count=${MIB} 2>/dev/null; sync`);
  const snapshotId = world.newId();
  const byHand = `opensandbox-measured:${snapshotId}`;
  const commit = (): Promise<number> => timed(() => docker('commit', `sandbox-${sandbox}`, byHand));
  const before = isCommitFirst ? await commit() : 0;
  const captureMs = await timed(() => world.capture(sandbox, snapshotId));
  const commitMs = isCommitFirst ? before : await commit();
  await docker('rmi', byHand);
  const createMs = await timed(() => world.create());
  const source = { kind: 'snapshot' as const, snapshotId, image: `opensandbox-snapshots:${snapshotId}` };
  const restoreMs = await timed(() => world.create({ source }));
  return { commitMs, captureMs, createMs, restoreMs };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return Math.round(performance.now() - began);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

if (process.argv[1] === import.meta.filename) {
  await using test = await openDockerTest();
  await using world = openSnapshotWorld(test);
  await measureSnapshot(test, world, true); // the agent's volume, and whatever else the first one pays for
  const rounds: SnapshotFigures[] = [];
  for (let round = 0; round < Number(process.argv[2] ?? 10); round += 1) {
    rounds.push(await measureSnapshot(test, world, round % 2 === 0));
  }
  for (const key of ['commitMs', 'captureMs', 'createMs', 'restoreMs'] as const) {
    console.log(`${key} median ${median(rounds.map((figures) => figures[key]))}`);
  }
}
