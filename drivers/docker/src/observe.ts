import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import type { EngineEvent, Observation, SandboxId } from '@opensandbox/core/ports';
import { sandboxId } from '@opensandbox/core/ports';
import type { Clock } from '@opensandbox/base';
import { createSemaphore, isFault, sleep } from '@opensandbox/base';
import type { ContainerSummary, EngineMessage } from './engine/answers.ts';
import type { Engine } from './engine/engine.ts';
import { readJsonLines } from './engine/json-lines.ts';
import { linkLost, readConnectionFailure } from './faults.ts';
import type { Inbox } from './inbox.ts';
import { createInbox } from './inbox.ts';
import { isMine, readLabel } from './labels.ts';
import { LABEL } from './names.ts';
import type { Reading } from './reading.ts';

export interface ObserveContext {
  readonly engine: Pick<Engine, 'events' | 'listContainers' | 'ping'>;
  readonly reading: Pick<Reading, 'readById' | 'readSandbox'>;
  readonly renewVersion: (signal: AbortSignal) => Promise<void>;
  readonly instance: string | undefined;
  readonly clock: Clock;
  /** Sandboxes that this driver is creating at the moment. */
  readonly isCreating: (id: SandboxId) => boolean;
}

/** How often everything is listed again, in case an event was lost. */
const RELIST_MS = 60_000;
const NANOSECONDS_PER_MS = 1e6;
/** How often a silent engine is asked whether it is still there. */
const PING_MS = 15_000;
/** Inspects at the same time. Each may have to wait for a start that is under way. */
const READERS = 8;

/** What can change a sandbox's observation. The last three are Podman's own names. */
const ACTIONS = [
  'create',
  'start',
  'restart',
  'die',
  'stop',
  'oom',
  'pause',
  'unpause',
  'rename',
  'update',
  'destroy',
  'died',
  'cleanup',
  'remove',
] as const;

/**
 * A full snapshot, then changes, then a snapshot now and then. Events are subscribed to before the first list, so
 * nothing falls between the two.
 */
export async function* observeEngine(
  context: ObserveContext,
  signal: AbortSignal,
): AsyncGenerator<EngineEvent, void> {
  const life = new AbortController();
  setMaxListeners(0, life.signal); // every call under way listens
  const onAbort = (): void => life.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const inbox = createInbox<EngineEvent>();
  const tasks: Promise<void>[] = [];
  try {
    // Not by label: Podman takes a label's key without a value for one that nothing has.
    const filters = { type: ['container'], event: [...ACTIONS] };
    // A link that was lost may have been lost to an upgrade.
    await context.renewVersion(life.signal);
    const stream = await context.engine.events(filters, life.signal);
    const run = (task: Promise<void>): void =>
      void tasks.push(task.catch((error: unknown) => inbox.fail(error)));
    const link: Link = { inbox, touched: new Set() };
    run(followEvents(context, { ...link, stream }, life.signal));
    run(relist(context, link, life.signal));
    run(keepAsking(context, life.signal));
    for (;;) yield await inbox.take(life.signal);
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    life.abort();
    await Promise.all(tasks);
  }
}

/** What the tasks of one link share. */
interface Link {
  readonly inbox: Inbox<EngineEvent>;
  /** Ids of containers that an event named since the last list began. */
  readonly touched: Set<string>;
}

async function followEvents(
  context: ObserveContext,
  link: Link & { readonly stream: Readable },
  signal: AbortSignal,
): Promise<void> {
  const readers = createReaders(context, link, signal);
  try {
    for await (const line of readJsonLines(link.stream)) readers.take(line as EngineMessage);
  } catch (error) {
    throw readConnectionFailure(error, signal);
  }
  throw linkLost(undefined);
}

/** Reads the sandboxes that events name. Events that come while a reading of the same one waits are one reading. */
function createReaders(context: ObserveContext, { inbox, touched }: Link, signal: AbortSignal) {
  const slots = createSemaphore(READERS);
  const waiting = new Set<string>();

  async function read(containerId: string, id: SandboxId, happenedAt: number | undefined): Promise<void> {
    await slots.run(async () => {
      waiting.delete(containerId);
      const readAt = context.clock.now();
      const own = await context.reading.readById(containerId, signal);
      const observation = own ?? (await context.reading.readSandbox(id, signal));
      inbox.put(
        observation === undefined
          ? { type: 'gone', id, readAt, happenedAt }
          : { type: 'observed', observation, happenedAt },
      );
    }, signal);
  }

  return {
    take(message: EngineMessage): void {
      const { ID: containerId, Attributes: attributes = {} } = message.Actor ?? {};
      const text = readLabel(attributes, LABEL.id);
      if (containerId === undefined || text === undefined || !isMine(attributes, context.instance)) return;
      const id = sandboxId(text);
      touched.add(containerId);
      // Reading a container that is about to be started would only wait for the start; that tells more.
      const isOwn = message.Action === 'create' && context.isCreating(id);
      if (isOwn || waiting.has(containerId)) return;
      waiting.add(containerId);
      read(containerId, id, timeOf(message)).catch((error: unknown) => {
        if (signal.aborted || isEngineAway(error)) inbox.fail(error);
        else touched.add(containerId); // the next list reads it again
      });
    },
  };
}

/** Podman tells seconds alone: too coarse to measure with. */
function timeOf({ timeNano }: EngineMessage): number | undefined {
  return timeNano === undefined ? undefined : timeNano / NANOSECONDS_PER_MS;
}

/** Lists at once and then on a period. What neither the list nor an event shows changed is not inspected again. */
async function relist(context: ObserveContext, { inbox, touched }: Link, signal: AbortSignal): Promise<void> {
  let known: ReadonlyMap<string, Known> = new Map();
  for (;;) {
    const readAt = context.clock.now();
    const untouched = new Map([...known].filter(([containerId]) => !touched.has(containerId)));
    touched.clear();
    const listed = await context.engine.listContainers({ label: [LABEL.id] }, signal);
    const mine = newestOfEach(listed.filter((container) => isMine(container.Labels ?? {}, context.instance)));
    known = await readListed(context, { mine, known: untouched, readAt }, signal);
    inbox.put({
      type: 'snapshot',
      readAt,
      observations: [...known.values()].map((entry) => entry.observation),
    });
    await sleep(context.clock, RELIST_MS, signal);
  }
}

interface Known {
  readonly face: string;
  readonly observation: Observation;
}

interface Listing {
  readonly mine: readonly ContainerSummary[];
  readonly known: ReadonlyMap<string, Known>;
  readonly readAt: number;
}

async function readListed(
  context: ObserveContext,
  { mine, known, readAt }: Listing,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Known>> {
  const slots = createSemaphore(READERS);
  const next = new Map<string, Known>();
  const readings = mine.map(async (container) => {
    const face = JSON.stringify([container.State, container.Ports]);
    const before = known.get(container.Id);
    if (before?.face === face) {
      next.set(container.Id, { face, observation: { ...before.observation, readAt } });
      return;
    }
    try {
      const observation = await slots.run(() => context.reading.readById(container.Id, signal), signal);
      if (observation !== undefined) next.set(container.Id, { face, observation });
    } catch (error) {
      if (signal.aborted || isEngineAway(error)) throw error;
      // One container that cannot be read must not blind us to the others; it stays listed as it was.
      const observation = before?.observation ?? unreadable(container, readAt);
      next.set(container.Id, { face: '', observation: { ...observation, readAt } });
    }
  });
  await Promise.all(readings);
  return next;
}

function isEngineAway(error: unknown): boolean {
  return isFault(error, 'unavailable') || isFault(error, 'cancelled');
}

function unreadable(container: ContainerSummary, readAt: number): Observation {
  return {
    id: sandboxId(readLabel(container.Labels ?? {}, LABEL.id) ?? ''),
    phase: 'unknown',
    engineState: container.State ?? 'unreadable',
    exitCode: undefined,
    oomKilled: false,
    error: undefined,
    finishedAt: undefined,
    reach: { kind: 'none' },
    readAt,
    claim: undefined,
  };
}

/** When several containers carry one id, the newest counts. */
export function newestOfEach(listed: readonly ContainerSummary[]): readonly ContainerSummary[] {
  const newest = new Map<string, ContainerSummary>();
  for (const container of listed) {
    const id = readLabel(container.Labels ?? {}, LABEL.id);
    if (id === undefined) continue;
    const rival = newest.get(id);
    if (rival === undefined || rival.Created < container.Created) newest.set(id, container);
  }
  return [...newest.values()];
}

/** A connection whose other end vanished without a word looks alive for hours; asking finds out. */
async function keepAsking(context: ObserveContext, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(context.clock, PING_MS, signal);
    await context.engine.ping(signal).catch((error: unknown) => {
      throw isFault(error, 'cancelled') ? error : linkLost(error);
    });
  }
}
