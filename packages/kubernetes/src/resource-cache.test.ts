import { Fault } from '@opensandbox/base';
import { captureLog, FakeClock } from '@opensandbox/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import type { ApiClient } from './api-client.ts';
import { timeoutFault } from './faults.ts';
import type { Change } from './object-store.ts';
import { createResourceCache } from './resource-cache.ts';
import type { CacheOptions } from './resource-cache.ts';
import type { ApiRequest } from './send.ts';

const away = new Fault('unavailable', 'kubernetes.unavailable', 'away');
const object = (name: string, resourceVersion: string, text: unknown = name) => ({
  metadata: { name, namespace: 'n', resourceVersion },
  text,
});
const line = (type: string, item: unknown): Buffer =>
  Buffer.from(`${JSON.stringify({ type, object: item })}\n`);

/** A watch that a test writes, and ends. */
interface OpenWatch {
  readonly request: ApiRequest;
  send(type: string, item: unknown): void;
  end(): void;
}

/** An API server that answers what the test says; watches stay open until the caller gives them up. */
class ScriptedApi implements ApiClient {
  readonly lists: ApiRequest[] = [];
  readonly watches: OpenWatch[] = [];
  /** What the next lists answer; the last one goes on. */
  answers: (Fault | readonly unknown[])[] = [[]];
  /** What the next watches are refused with. */
  refusals: Fault[] = [];

  prepare = () => Promise.resolve();
  [Symbol.dispose] = () => undefined;

  async call(request: ApiRequest): Promise<unknown> {
    this.lists.push(request);
    // The first list is asked for before a test can say what it brings.
    await Promise.resolve();
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (answer instanceof Fault) throw answer;
    return { metadata: { resourceVersion: '100' }, items: answer };
  }

  open(request: ApiRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return Promise.reject(refusal);
    const waiting: (Buffer | undefined)[] = [];
    let wake: () => void = () => undefined;
    const push = (part: Buffer | undefined): void => {
      waiting.push(part);
      wake();
    };
    this.watches.push({ request, send: (type, item) => push(line(type, item)), end: () => push(undefined) });
    signal.addEventListener('abort', () => wake());
    return Promise.resolve(
      (async function* () {
        for (;;) {
          while (waiting.length > 0) {
            const part = waiting.shift();
            if (part === undefined) return;
            yield part;
          }
          if (signal.aborted) throw new Error('broken');
          await new Promise<void>((resolve) => (wake = resolve));
        }
      })(),
    );
  }

  get last(): OpenWatch {
    const watch = this.watches.at(-1);
    if (watch === undefined) throw new Error('nobody watches');
    return watch;
  }
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function world(change: Partial<CacheOptions<unknown>> = {}) {
  const api = new ScriptedApi();
  const clock = new FakeClock();
  const log = captureLog();
  const backoff = { firstMs: 1000, longestMs: 8000, jitter: 0 };
  const options: CacheOptions<unknown> = {
    resource: { group: 'g', version: 'v1', plural: 'things' },
    select: (item) => item['text'],
    timing: {
      watchSeconds: 50,
      graceMs: 5000,
      resyncMs: 600_000,
      backoff,
    },
    ...change,
  };
  const cache = createResourceCache(options, { client: api, clock, log, random: () => 0.5 });
  const stopping = new AbortController();
  const running = cache.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running;
    expect(clock.pending).toEqual([]);
  };
  stops.push(stop);
  const known = () => Object.fromEntries([...cache.all()].map(({ name, value }) => [name, value]));
  return { api, clock, log, cache, known, stop, advance: (ms: number) => clock.advance(ms) };
}

const never = new AbortController().signal;

describe('createResourceCache', () => {
  it('watches from the version of its list, and each time from the last one it saw', async () => {
    const { api, known, advance } = world();
    api.answers = [[object('a', '90')]];
    await advance(0);
    expect(api.last.request.query).toMatchObject({
      resourceVersion: '100',
      allowWatchBookmarks: true,
      watch: true,
    });
    api.last.send('ADDED', object('b', '101'));
    api.last.send('MODIFIED', object('a', '102', 'changed'));
    api.last.send('DELETED', object('b', '103'));
    api.last.send('BOOKMARK', { metadata: { resourceVersion: '140' } });
    await advance(2000);
    expect(known()).toEqual({ a: 'changed' });
    api.last.end();
    await advance(0);
    expect(api.watches.map(({ request }) => request.query?.['resourceVersion'])).toEqual(['100', '140']);
    expect(api.lists).toHaveLength(1);
  });

  it('gives up a watch that the API server does not end in time', async () => {
    const { api, cache, advance } = world();
    await advance(0);
    const { timeoutSeconds } = api.last.request.query ?? {};
    expect(timeoutSeconds).toBe(45);
    await advance(49_000);
    expect(api.watches).toHaveLength(1);
    expect(cache.health()).toMatchObject({ ageMs: 49_000, lastError: undefined });
    await advance(2000);
    expect(api.watches).toHaveLength(2);
    expect(cache.health()).toMatchObject({ lastError: undefined, lists: 1 });
    expect(cache.health().ageMs).toBeLessThan(1000);
  });

  it('keeps what it knows while the API server is away, and asks less and less often', async () => {
    const { api, cache, known, log, advance } = world();
    api.answers = [[object('a', '90')]];
    await advance(0);
    api.refusals = Array.from({ length: 10 }, () => away);
    api.last.end();
    await advance(15_000);
    expect(known()).toEqual({ a: 'a' });
    // Ended at once, so after 1 s, then refused: 2, 4, 8 s.
    expect(api.refusals).toHaveLength(6);
    expect(cache.health()).toMatchObject({ isSynced: true, lastError: away });
    expect(log.count('kubernetes.follow_failed')).toBe(1);
    api.refusals = [];
    await advance(10_000);
    expect(cache.health()).toMatchObject({ lastError: undefined, lists: 1 });
    expect(log.count('kubernetes.follow_resumed')).toBe(1);
  });

  it('lists again when its place in the history is gone, and says what changed', async () => {
    const { api, cache, known, advance } = world();
    api.answers = [
      [object('a', '90'), object('b', '90')],
      [object('b', '90'), object('c', '90')],
    ];
    const told: string[] = [];
    cache.subscribe((change: Change<unknown>) => {
      told.push(change.type === 'put' ? `put ${change.entry.name}` : `gone ${change.before.name}`);
    }, never);
    await advance(0);
    api.last.send('ERROR', { code: 410, message: 'too old resource version' });
    await advance(1000);
    expect(known()).toEqual({ b: 'b', c: 'c' });
    expect(told).toEqual(['put a', 'put b', 'gone a', 'put b', 'put c']);
  });

  it('does not list in a circle when lists work and watches are refused', async () => {
    const { api, advance } = world();
    const forbidden = new Fault('forbidden', 'kubernetes.forbidden', 'no watch');
    api.refusals = Array.from({ length: 100 }, () => forbidden);
    await advance(60_000);
    // After 1, 2, 4 s, then every 8 s.
    expect(api.lists.length).toBeLessThan(12);
  });

  it('lists everything again from time to time, in case that events were lost', async () => {
    const { api, known, advance } = world();
    api.answers = [[object('a', '90')], [object('b', '90')]];
    await advance(0);
    await advance(700_000);
    expect(api.lists.length).toBe(2);
    expect(known()).toEqual({ b: 'b' });
  });

  it('waits as long as an overloaded API server asks for', async () => {
    const { api, advance } = world();
    api.answers = [new Fault('unavailable', 'kubernetes.unavailable', 'busy', { retryAfterMs: 20_000 }), []];
    await advance(19_000);
    expect(api.lists).toHaveLength(1);
    await advance(1000);
    expect(api.lists).toHaveLength(2);
  });

  it('is ready after the first list, however late', async () => {
    const { api, cache, advance } = world();
    api.answers = [away, timeoutFault('list', 1), [object('a', '90')]];
    let isReady = false;
    void cache.ready(never).then(() => (isReady = true));
    await advance(0);
    expect(cache.health()).toMatchObject({ isSynced: false, ageMs: Infinity, lastSyncAt: undefined });
    await advance(2500);
    expect(isReady).toBe(false);
    await advance(500);
    expect(isReady).toBe(true);
    const gone = new AbortController();
    gone.abort();
    await expect(cache.ready(gone.signal)).rejects.toMatchObject({ kind: 'cancelled' });
  });

  it('keeps nothing of objects that are not wanted, and one that cannot be read hides no other', async () => {
    const select: CacheOptions<unknown>['select'] = (item) => {
      if (item['text'] === 'bad') throw new TypeError('unreadable');
      return item['text'] === 'unwanted' ? undefined : item['text'];
    };
    const { api, known, log, advance } = world({ select });
    api.answers = [
      [object('a', '90'), object('b', '90', 'bad'), object('c', '90', 'unwanted'), null, { metadata: {} }],
    ];
    await advance(0);
    expect(known()).toEqual({ a: 'a' });
    api.last.send('MODIFIED', object('a', '101', 'unwanted'));
    api.last.send('MODIFIED', object('c', '102', 'wanted'));
    await advance(0);
    expect(known()).toEqual({ c: 'wanted' });
    expect(log.count('kubernetes.object_unreadable')).toBe(1);
  });

  it('finds by secondary indexes, and forgets listeners that went away', async () => {
    const { api, cache, advance } = world({ indexes: { text: ({ value }) => [String(value)] } });
    api.answers = [[object('a', '90', 'x'), object('b', '90', 'x')]];
    const gone = new AbortController();
    let told = 0;
    cache.subscribe(() => (told += 1), gone.signal);
    await advance(0);
    expect(cache.find('text', 'x').map(({ name }) => name)).toEqual(['a', 'b']);
    expect(cache.get({ namespace: 'n', name: 'a' })?.value).toBe('x');
    gone.abort();
    cache.subscribe(() => (told += 1), gone.signal);
    api.last.send('DELETED', object('a', '101'));
    await advance(0);
    expect(cache.find('text', 'x').map(({ name }) => name)).toEqual(['b']);
    expect(told).toBe(2);
  });

  it('ends at once when it is stopped, while it waits and while it watches', async () => {
    const watching = world();
    await watching.advance(0);
    await watching.stop();
    const waiting = world();
    waiting.api.answers = [away];
    await waiting.advance(0);
    await waiting.stop();
  });
});
