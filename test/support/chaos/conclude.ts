import { isDeepStrictEqual } from 'node:util';
import { until } from '../wait.ts';
import { become, type Client, compareList, containerOf, expectShown, living, path, ping } from './client.ts';
import { forgetSnapshots } from './snapshots.ts';
import { call, expectStatus, type World } from './world.ts';

/** What has to be true when nothing happens any more. Deletes all sandboxes of the clients. */
export async function conclude(world: World, clients: readonly Client[]): Promise<void> {
  for (const client of clients) {
    for (const entry of living(client)) if (entry.fate === 'pending') await become(client, entry, 'running');
    await compareList(client);
    for (const entry of client.entries) await expectShown(client, entry);
  }
  const made = clients.flatMap(living).filter(({ fate }) => fate !== 'failed');
  await expectContainers(world, made.map(containerOf));
  for (const client of clients) await expectUse(client);
  for (const client of clients) await deleteAll(client);
  await expectContainers(world, []);
  await forgetSnapshots(world);
  const shouts = world.server.output().match(/.*internal\.unexpected.*/g) ?? [];
  const problems = [...world.complaints, ...shouts];
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** Every sandbox that runs, and every paused one when it is thawed, has an agent that answers. */
async function expectUse(client: Client): Promise<void> {
  for (const entry of living(client)) {
    if (entry.fate === 'paused') {
      expectStatus(await call(client.world, 'POST', `${path(entry)}/resume`), 202);
      entry.fate = 'running';
    }
    if (entry.fate === 'running') await ping(client, entry);
  }
}

async function deleteAll(client: Client): Promise<void> {
  await Promise.all(
    living(client).map(async (entry) => {
      expectStatus(await call(client.world, 'DELETE', path(entry)), 204);
      entry.fate = 'gone';
    }),
  );
  for (const entry of client.entries) await expectShown(client, entry);
  await compareList(client);
}

/** The engine has these containers of this server and no others. */
async function expectContainers({ docker, server }: World, wanted: readonly string[]): Promise<void> {
  const filter = `label=opensandbox.io/instance=${server.instance}`;
  let found: readonly string[] = [];
  const agrees = async (): Promise<boolean> => {
    const text = await docker('ps', '-a', '--format', '{{.Names}}', '--filter', filter);
    found = text.split('\n').filter((name) => name !== '');
    return isDeepStrictEqual([...found].sort(), [...wanted].sort());
  };
  await until('the engine has what the clients have', 10_000, agrees).catch(() => {
    throw new Error(`the engine has ${found.join()}, the clients ${wanted.join()}`);
  });
}
