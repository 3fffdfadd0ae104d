import { setTimeout as pause } from 'node:timers/promises';
import { openServer, type ServerProcess } from '../../test/support/server-process.ts';
import { containersOf } from '../../test/support/docker.ts';
import { ask } from './client.ts';
import { COMMAND, engineCall, rawCreate, rawRemove } from './engine.ts';
import { type Figure, figure, inParallel, median, timed } from './figures.ts';
import { accepted, api, BODY, remove, usable } from './server-client.ts';

const SNAPSHOTS = 6;
const DELETES = 20;
const EXISTING = Number(process.env['BENCH_EXISTING'] ?? 500);
const WIDTH = 8;
const WATCH_MS = 5;
const CHANGE_MIB = 50;

/** Incompressible would only slow the making: the engine compresses no layer when it commits. */
const FILL = `dd if=/dev/zero of=/change bs=1048576 count=${CHANGE_MIB} && sleep 3600`;

/** Waits until the change is written: the container's own writable layer has grown to it. */
async function changed(containerId: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const seen = (await engineCall('GET', `/containers/${containerId}/json?size=1`)) as { SizeRw?: number };
    if ((seen.SizeRw ?? 0) >= CHANGE_MIB * 2 ** 20) return;
    await pause(50);
  }
  throw new Error('the change was never written');
}

async function containerOf(id: string): Promise<string> {
  return ((await engineCall('GET', `/containers/sandbox-${id}/json`)) as { Id: string }).Id;
}

/** The bare engine's way: commit under a pause. */
async function rawCommit(containerId: string, tag: string): Promise<void> {
  await engineCall('POST', `/commit?container=${containerId}&repo=opensandbox-bench&tag=${tag}&pause=1`, {});
}

async function snapshotReady(server: ServerProcess, sandboxId: string): Promise<string> {
  const asked = await api(server, 'POST', `/sandboxes/${sandboxId}/snapshots`, {});
  if (asked.status !== 202) throw new Error(asked.text);
  const { id } = JSON.parse(asked.text) as { id: string };
  for (;;) {
    const seen = JSON.parse((await api(server, 'GET', `/snapshots/${id}`)).text) as {
      status: { state: string; message: string };
    };
    if (seen.status.state === 'Ready') return id;
    if (seen.status.state === 'Failed') throw new Error(seen.status.message);
    await pause(WATCH_MS);
  }
}

async function removeSnapshot(server: ServerProcess, id: string): Promise<void> {
  const answer = await api(server, 'DELETE', `/snapshots/${id}`);
  if (answer.status !== 204) throw new Error(answer.text);
}

/** Both commit the same container, in turns. */
async function snapshots(server: ServerProcess): Promise<Figure[]> {
  const id = await usable(server, { ...BODY, entrypoint: ['sh', '-c', FILL] });
  const containerId = await containerOf(id);
  await changed(containerId);
  const raw: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < SNAPSHOTS; round += 1) {
    raw.push((await timed(() => rawCommit(containerId, String(round)))).ms);
    await engineCall('DELETE', `/images/opensandbox-bench:${round}`);
    const made = await timed(() => snapshotReady(server, id));
    ours.push(made.ms);
    await removeSnapshot(server, made.value);
  }
  const restore = await restores(server, await snapshotReady(server, id));
  await remove(server, id);
  const floor = median(raw);
  return [
    figure(`snapshot of a ${CHANGE_MIB} MB change until Ready, p50`, median(ours), 'ms', {
      atMost: floor * 1.1,
      note: `raw commit ${Math.round(floor)} ms`,
    }),
    restore,
  ];
}

async function restores(server: ServerProcess, snapshotId: string): Promise<Figure> {
  const cold: number[] = [];
  const restored: number[] = [];
  const body = { snapshotId, entrypoint: COMMAND, resourceLimits: {}, timeout: 3600 };
  for (let round = 0; round < SNAPSHOTS * 2; round += 1) {
    const fresh = await timed(() => usable(server));
    cold.push(fresh.ms);
    await remove(server, fresh.value);
    const copy = await timed(() => usable(server, body));
    restored.push(copy.ms);
    await remove(server, copy.value);
  }
  await removeSnapshot(server, snapshotId);
  const floor = median(cold);
  return figure('restore to agent answering, p50', median(restored), 'ms', {
    atMost: floor * 1.1,
    note: `create from the image ${Math.round(floor)} ms`,
  });
}

async function deletes(server: ServerProcess): Promise<Figure> {
  const raw: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < DELETES; round += 1) {
    const bare = await rawCreate();
    raw.push((await timed(() => rawRemove(bare))).ms);
    const id = await usable(server);
    ours.push((await timed(() => remove(server, id))).ms);
  }
  const floor = median(raw);
  return figure('delete, p50', median(ours), 'ms', {
    atMost: floor + 15,
    note: `raw forced removal ${Math.round(floor)} ms`,
  });
}

/** From the start of the process to the first list that shows them all, with as many sandboxes as said. */
async function startup(server: ServerProcess): Promise<Figure> {
  await inParallel(EXISTING, WIDTH, () => accepted(server));
  await settled(server, EXISTING);
  const times: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    await server.stop();
    const started = await timed(() => server.start());
    const listed = await timed(() => settled(server, EXISTING));
    times.push(started.ms + listed.ms);
  }
  return figure(
    `start with ${EXISTING} sandboxes to the first full answer, median of 3`,
    median(times),
    'ms',
    {
      atMost: 2000,
    },
  );
}

async function settled(server: ServerProcess, count: number): Promise<void> {
  for (;;) {
    const answer = await ask('GET', `http://${server.domain}/v1/sandboxes?pageSize=1&state=Running`, {
      'OPEN-SANDBOX-API-KEY': server.apiKey,
    });
    const { pagination } = JSON.parse(answer.text) as { pagination: { totalItems: number } };
    if (pagination.totalItems === count) return;
    await pause(WATCH_MS);
  }
}

/** One by one: hundreds at once take longer than one call of the command line may. */
async function clear(instance: string): Promise<void> {
  const names = await containersOf(instance);
  await inParallel(names.length, WIDTH, (index) => rawRemove(names[index] ?? ''));
}

/** Snapshots, restores, removals and a start among many sandboxes, against the raw engine. */
export async function benchRuntime(): Promise<Figure[]> {
  await using server = await openServer();
  await server.start();
  try {
    await remove(server, await usable(server)); // fills the agent's volume once
    const figures: Figure[] = [];
    for (const part of [deletes, snapshots, startup]) {
      const made = [await part(server)].flat();
      for (const { name, value, unit } of made) console.log(`${name}: ${value} ${unit}`);
      figures.push(...made);
    }
    return figures;
  } finally {
    await server.stop();
    await clear(server.instance);
  }
}
