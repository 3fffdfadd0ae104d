import { until } from '../wait.ts';
import { type Client, create, expectShown, path, remove } from './client.ts';
import type { Entry } from './model.ts';
import { call, expectStatus, type World } from './world.ts';

const READY_MS = 60_000;

/** Takes a snapshot of a sandbox, which goes on meanwhile; makes a copy from it, and removes both. */
export async function copyBySnapshot(client: Client, entry: Entry): Promise<void> {
  const { world } = client;
  const taken = await call(world, 'POST', `${path(entry)}/snapshots`, { name: client.name });
  expectStatus(taken, 202);
  const { id } = taken.json;
  await expectShown(client, entry);
  const snapshot = `/v1/snapshots/${id}`;
  await until(`snapshot ${id} is ready`, READY_MS, async () => {
    const answer = await call(world, 'GET', snapshot);
    expectStatus(answer, 200);
    if (answer.json.status.state === 'Failed') throw new Error(`no snapshot: ${answer.text}`);
    return answer.json.status.state === 'Ready';
  });
  const copy = await create(client, { snapshotId: id }, 'running');
  await remove(client, copy);
  expectStatus(await call(world, 'DELETE', snapshot), 204);
  expectStatus(await call(world, 'GET', snapshot), 404);
}

/** Removes those that a storm left, and what they are made of. */
export async function forgetSnapshots(world: World): Promise<void> {
  const { text } = await call(world, 'GET', '/v1/snapshots?pageSize=200');
  for (const { id } of (JSON.parse(text) as { items: { id: string }[] }).items) {
    await until(`snapshot ${id} can be deleted`, READY_MS, async () => {
      const { status } = await call(world, 'DELETE', `/v1/snapshots/${id}`);
      return [204, 404].includes(status);
    });
    const image = await world.docker('images', '--quiet', `opensandbox-snapshots:${id}`);
    if (image !== '') throw new Error(`the image of snapshot ${id} was left behind`);
  }
}
