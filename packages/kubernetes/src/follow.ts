import type { Clock, Fault } from '@opensandbox/base';
import { sleep, toFault } from '@opensandbox/base';
import type { ApiClient } from './api-client.ts';
import type { CacheTiming } from './cache-timing.ts';
import type { Freshness } from './freshness.ts';
import { listObjects } from './list.ts';
import type { Selection } from './list.ts';
import type { Pace } from './pace.ts';
import type { KubernetesObject } from './resource.ts';
import { watchObjects } from './watch.ts';
import type { WatchEvent } from './watch-event.ts';

/** Where what is read goes. */
export interface Feed {
  /** Takes the objects of one list; `done` puts them in the place of all that was there. */
  begin(): { readonly take: (object: KubernetesObject) => void; readonly done: () => void };
  apply(event: WatchEvent): void;
}

export interface Following {
  readonly selection: Selection;
  readonly timing: CacheTiming;
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly pace: Pace;
  readonly freshness: Freshness;
  readonly feed: Feed;
}

/** A watch that ended sooner brought nothing, unless it brought events. */
const SHORTEST_WATCH_MS = 1_000;

/** Lists and watches until `signal` aborts; never rejects. */
export async function follow(following: Following, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await followOnce(following, signal);
    } catch (error) {
      await failed(following, toFault(error), signal);
    }
  }
}

async function failed(
  { freshness, clock, pace }: Following,
  fault: Fault,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  freshness.failed(fault);
  // Being stopped meanwhile is no failure.
  await sleep(clock, pace.nextWaitMs(fault), signal).catch(() => undefined);
}

/** A list, then watches, each from where the one before ended, until it is time for the next list. */
async function followOnce(following: Following, signal: AbortSignal): Promise<void> {
  const { clock, timing, random } = following;
  let version = await list(following, signal);
  const relistAt = clock.now() + timing.resyncMs * (0.75 + 0.5 * random());
  while (clock.now() < relistAt) version = await watch(following, version, signal);
}

async function list({ client, selection, timing, feed }: Following, signal: AbortSignal): Promise<string> {
  let page = feed.begin();
  const sink = {
    take: (object: KubernetesObject) => page.take(object),
    restart: () => (page = feed.begin()),
  };
  const version = await listObjects(client, { ...selection, pageSize: timing.pageSize }, sink, signal);
  page.done();
  return version;
}

/** One watch. Returns where the next one goes on; rejects when that takes a new list. */
async function watch(following: Following, from: string, signal: AbortSignal): Promise<string> {
  const { clock, timing, random, pace, freshness, feed, selection } = following;
  let version = from;
  const began = clock.now();
  const seconds = Math.max(1, Math.round(timing.watchSeconds * (0.8 + 0.2 * random())));
  const take = (event: WatchEvent): void => {
    feed.apply(event);
    freshness.heard();
    version = event.version;
    pace.worked();
  };
  try {
    const options = { ...selection, seconds, graceMs: timing.graceMs, version };
    await watchObjects(following, options, { opened: () => freshness.heard(), take }, signal);
    // A server that ends every watch at once is not asked in a circle.
    if (clock.now() - began >= SHORTEST_WATCH_MS) pace.worked();
    else await sleep(clock, pace.nextWaitMs(), signal);
  } catch (error) {
    const fault = toFault(error);
    if (signal.aborted || !isAway(fault)) throw fault;
    await failed(following, fault, signal);
  }
  return version;
}

/** With nobody there, or an overload, the place to go on from stays good; all else needs a new list. */
function isAway({ kind, details }: Fault): boolean {
  return kind === 'unavailable' || (kind === 'timeout' && details?.['status'] === undefined);
}
