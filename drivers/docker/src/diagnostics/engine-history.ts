import type { Clock } from '@opensandbox/base';
import { deadline, isFault } from '@opensandbox/base';
import type { ContainerInspect, EngineMessage } from '../engine/answers.ts';
import type { Engine } from '../engine/engine.ts';
import { readJsonLines } from '../engine/json-lines.ts';
import { engineTimeout, readConnectionFailure } from '../faults.ts';
import { readRfc3339 } from '../rfc3339.ts';

export interface HistoryContext {
  readonly engine: Pick<Engine, 'pastEvents'>;
  readonly clock: Clock;
}

export interface HistoryEntry {
  readonly at: number;
  readonly containerId: string;
  readonly type: 'container' | 'network';
  readonly action: string;
  readonly details: readonly string[];
}

export interface History {
  readonly entries: readonly HistoryEntry[];
  /** The engine still knows how it began. */
  readonly isWhole: boolean;
}

/** What is remembered comes at once; an engine whose clock is behind keeps the stream open for longer. */
const LONGEST_MS = 3_000;
/** Of all that an engine tells, these hold no secret. The name of a network is news; that of the container is not. */
const DETAILS = { container: ['exitCode', 'signal'], network: ['name'] } as const;
/** What a reader of diagnostics causes himself. */
const OWN_ACTION = 'top';

/** What the engine still remembers of containers. It keeps its latest 256 events, whatever they concern. */
export async function readHistory(
  context: HistoryContext,
  containers: readonly ContainerInspect[],
  signal: AbortSignal,
): Promise<History> {
  const { clock, engine } = context;
  const ids = new Set(containers.map(({ Id: id }) => id));
  const since = Math.min(...containers.map(({ Created: created }) => readRfc3339(created) ?? 0));
  using limit = deadline(clock, LONGEST_MS, signal, () => engineTimeout('with its events', LONGEST_MS));
  const entries: HistoryEntry[] = [];
  try {
    const query = { types: ['container', 'network'], since, until: clock.now() };
    const stream = await engine.pastEvents(query, limit.signal);
    for await (const line of readJsonLines(stream)) {
      const entry = readEntry(line as EngineMessage, ids);
      if (entry !== undefined) entries.push(entry);
    }
  } catch (error) {
    const fault = readConnectionFailure(error, limit.signal);
    if (signal.aborted || !isFault(fault, 'timeout')) throw fault;
  }
  return { entries, isWhole: entries.some(({ action }) => action === 'create') };
}

export function readEntry(message: EngineMessage, ids: ReadonlySet<string>): HistoryEntry | undefined {
  const { Type: type, Action: action = '', Actor: actor, timeNano = 0 } = message;
  const attributes = actor?.Attributes ?? {};
  const subject = type === 'network' ? attributes['container'] : actor?.ID;
  if (subject === undefined || !ids.has(subject)) return undefined;
  if ((type !== 'container' && type !== 'network') || action === OWN_ACTION) return undefined;
  const told = DETAILS[type].filter((name) => name in attributes);
  const details = told.map((name) => `${name}=${attributes[name]}`);
  // A health check or a started command is told with its arguments.
  const name = action.startsWith('exec_') ? action.replace(/:.*/s, '') : action;
  return { at: timeNano / 1e6, containerId: subject, type, action: name, details };
}

export function formatHistory(entries: readonly HistoryEntry[]): string {
  return entries
    .map(({ at, type, action, details }) => {
      const time = new Date(at).toISOString();
      return `${[time, type === 'network' ? 'network' : 'runtime', action, ...details].join(' ')}\n`;
    })
    .join('');
}
