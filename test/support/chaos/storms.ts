import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../wait.ts';
import { type Client, containerOf, ownIds, path, shows } from './client.ts';
import { type Entry, type Fate, fateOf, mayHaveBecome } from './model.ts';
import { bodyOf, call, type World } from './world.ts';

/** What a storm breaks, and how that comes up again. */
export interface Storm {
  readonly name: string;
  /** An engine that ends takes its containers with it. */
  readonly isEngineStorm: boolean;
  run(): Promise<void>;
}

const SETTLE_MS = 90_000;
const SOON_MS = 3000;

/** Lets one storm break out, and has everybody look afterwards at what became of their sandboxes. */
export function breakOut(world: World, clients: readonly Client[], storm: Storm): Promise<void> {
  return world.weather.storm(
    () => storm.run(),
    async () => {
      for (const client of clients) await lookAfter(client, storm);
    },
  );
}

/** Pauses between storms come from the run's own numbers: the same seed storms alike. */
export async function betweenStorms(ms: number, signal: AbortSignal): Promise<boolean> {
  await pause(ms, undefined, { signal }).catch(() => undefined); // the round is over
  return !signal.aborted;
}

async function lookAfter(client: Client, storm: Storm): Promise<void> {
  client.trace.push(`${client.name} sees: ${storm.name}`);
  for (const id of await listed(client)) {
    if (client.entries.some((entry) => entry.id === id)) continue;
    // Made, but the answer did not arrive.
    client.entries.push({ id, fate: 'pending', metadata: {}, expiresAt: undefined, isTouched: true });
  }
  for (const entry of client.entries) await lookAfterOne(client, entry, storm);
}

async function lookAfterOne(client: Client, entry: Entry, storm: Storm): Promise<void> {
  const now = await settledFate(client, entry);
  if (!mayHaveBecome(entry, now, storm.isEngineStorm)) {
    throw new Error(`${entry.id} was ${entry.fate} before "${storm.name}" and is ${now} afterwards`);
  }
  entry.fate = now;
  if (entry.isTouched && now !== 'gone') await adoptShown(client, entry);
  const problem = await shows(client, entry);
  if (problem !== undefined) throw new Error(`after "${storm.name}": ${problem}`);
  entry.isTouched = false;
}

/** Metadata and deadline may be what they were, or what they were about to become. */
async function adoptShown(client: Client, entry: Entry): Promise<void> {
  const { metadata = {}, expiresAt } = bodyOf(await call(client.world, 'GET', path(entry)));
  entry.metadata = metadata;
  entry.expiresAt = expiresAt === undefined ? undefined : Date.parse(expiresAt);
  if (entry.expiresAt !== undefined && entry.expiresAt < Date.now() + SOON_MS) {
    await until(
      `${entry.id} expires`,
      SETTLE_MS,
      async () => (await shows(client, entry, 'gone')) === undefined,
    );
    entry.fate = 'gone';
  }
}

/** The server and the engine agree on it. */
async function settledFate(client: Client, entry: Entry): Promise<Fate> {
  const agree = async (): Promise<Fate | undefined> => {
    const answer = await call(client.world, 'GET', path(entry)).catch(() => undefined);
    const shown = answer?.status === 404 ? 'gone' : fateOf(answer?.json.status.state ?? '');
    return agreed(shown, await askEngine(client.world, entry));
  };
  return until(`the server knows what became of ${entry.id}`, SETTLE_MS, agree);
}

/** What the engine has: a state, or nothing. */
async function askEngine({ docker }: World, entry: Entry): Promise<string> {
  const format = '{{.State.Status}} {{.State.Pid}}';
  const asking = docker('inspect', '--type=container', `--format=${format}`, containerOf(entry));
  const [state = '', pid = ''] = (await asking.catch(() => '')).split(' ');
  // An engine that comes back takes a while to notice which of its containers have ended.
  const isStale = ['running', 'paused'].includes(state) && !existsSync(`/proc/${pid}`);
  return isStale ? 'about to end' : state;
}

function agreed(shown: Fate, state: string): Fate | undefined {
  switch (shown) {
    case 'running':
    case 'paused':
      return state === shown ? shown : undefined;
    case 'ended':
    case 'failed':
      if (state === '') return 'failed';
      // `dead` is what is left of a removal in which the engine was killed.
      return ['exited', 'dead'].includes(state) ? 'ended' : undefined;
    case 'gone':
      return state === '' ? 'gone' : undefined;
    case 'pending':
      return undefined;
  }
}

function listed(client: Client): Promise<readonly string[]> {
  return until('the server lists', SETTLE_MS, () => ownIds(client).catch(() => undefined));
}
