import { isDeepStrictEqual } from 'node:util';
import { until } from '../wait.ts';
import { type Entry, type Fate, STATES } from './model.ts';
import { bodyOf, call, expectStatus, type World } from './world.ts';

export const BUSYBOX = 'opensandbox-test/busybox:latest';
/** Nothing listens at port 1: a pull fails at once. */
export const NOWHERE = '127.0.0.1:1/none:none';

/** One of several clients. It knows its own sandboxes by the metadata `owner`. */
export interface Client {
  readonly name: string;
  readonly world: World;
  readonly entries: Entry[];
  /** What it did, the last last. */
  readonly trace: string[];
}

export const path = ({ id }: Entry): string => `/v1/sandboxes/${id}`;
export const containerOf = ({ id }: Entry): string => `sandbox-${id}`;

export function living(client: Client): readonly Entry[] {
  return client.entries.filter(({ fate }) => fate !== 'gone');
}

export interface Wish {
  readonly image?: string;
  /** Instead of the image. */
  readonly snapshotId?: string;
  readonly entrypoint?: readonly string[];
  readonly isManual?: boolean;
  readonly waits?: boolean;
}

/** Creates a sandbox and remembers it; resolves when it has the state that was waited for. */
export async function create(client: Client, wish: Wish, fate: Fate): Promise<Entry> {
  const { world, name, entries } = client;
  world.made += 1;
  const metadata = { owner: name, number: String(world.made) };
  const body = {
    ...(wish.snapshotId === undefined
      ? { image: { uri: wish.image ?? BUSYBOX } }
      : { snapshotId: wish.snapshotId }),
    entrypoint: wish.entrypoint ?? ['sleep', '3600'],
    resourceLimits: {},
    metadata,
    ...(wish.isManual === true ? {} : { timeout: 3600 }),
  };
  const answer = await call(
    world,
    'POST',
    '/v1/sandboxes',
    body,
    wish.waits === false ? {} : { Prefer: 'wait=60' },
  );
  expectStatus(answer, 202);
  const { id, expiresAt } = answer.json;
  const entry: Entry = {
    id,
    fate: 'pending',
    metadata,
    expiresAt: wish.isManual === true ? undefined : Date.parse(expiresAt),
    isTouched: true, // until its first state has been seen
  };
  entries.push(entry);
  if (wish.waits !== false) await become(client, entry, fate);
  return entry;
}

/** Waits until the API shows it; it must not take long. */
export async function become(client: Client, entry: Entry, fate: Fate, timeoutMs = 30_000): Promise<void> {
  await until(
    `${entry.id} is ${fate}`,
    timeoutMs,
    async () => (await shows(client, entry, fate)) === undefined,
  );
  entry.fate = fate;
}

/** What is wrong with the answer to a GET, when the sandbox should have this fate. */
export async function shows(
  client: Client,
  entry: Entry,
  fate: Fate = entry.fate,
): Promise<string | undefined> {
  const answer = await call(client.world, 'GET', path(entry));
  if (fate === 'gone') return answer.status === 404 ? undefined : `${entry.id} is still ${answer.text}`;
  if (answer.status !== 200) return `${entry.id} should be ${fate}, but: ${answer.status} ${answer.text}`;
  const { status, metadata = {}, expiresAt } = bodyOf(answer);
  if (!STATES[fate].includes(status?.state ?? ''))
    return `${entry.id} should be ${fate}, but is ${answer.text}`;
  if (!isDeepStrictEqual(metadata, entry.metadata)) return `${entry.id} has other metadata: ${answer.text}`;
  const deadline = expiresAt === undefined ? undefined : Date.parse(expiresAt);
  return deadline === entry.expiresAt ? undefined : `${entry.id} has another deadline: ${answer.text}`;
}

/** Fails unless the API shows what is known. */
export async function expectShown(client: Client, entry: Entry): Promise<void> {
  const problem = await shows(client, entry);
  if (problem !== undefined) throw new Error(problem);
}

/** Deletes it, several times at once when asked to; afterwards it is gone. */
export async function remove(client: Client, entry: Entry, times = 1): Promise<void> {
  const asking = Array.from({ length: times }, () => call(client.world, 'DELETE', path(entry)));
  const answers = await Promise.all(asking);
  for (const answer of answers) expectStatus(answer, ...(times === 1 ? [204] : [204, 404]));
  entry.fate = 'gone';
  await expectShown(client, entry);
}

/** The agent of a running sandbox answers, at the address that a client is given. */
export async function ping(client: Client, entry: Entry): Promise<void> {
  const endpoint = await call(client.world, 'GET', `${path(entry)}/endpoints/44772?use_server_proxy=true`);
  expectStatus(endpoint, 200);
  const answer = await call(client.world, 'GET', `${path(entry)}/proxy/44772/ping`);
  expectStatus(answer, 200);
}

/** The list shows what this client has, and nothing else. */
export async function compareList(client: Client): Promise<void> {
  const wanted = living(client).map(({ id }) => id);
  const found = await ownIds(client);
  if (isDeepStrictEqual([...found].sort(), [...wanted].sort())) return;
  throw new Error(`the list of ${client.name} has ${found.join()}, not ${wanted.join()}`);
}

export async function ownIds({ world, name }: Client): Promise<readonly string[]> {
  const answer = await call(
    world,
    'GET',
    `/v1/sandboxes?pageSize=200&metadata=${encodeURIComponent(`owner=${name}`)}`,
  );
  expectStatus(answer, 200);
  return answer.json.items.map(({ id }) => id);
}
