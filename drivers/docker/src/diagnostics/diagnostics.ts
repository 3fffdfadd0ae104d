import type { Clock, Fault } from '@opensandbox/base';
import { createSemaphore, deadline, isFault } from '@opensandbox/base';
import type {
  DiagnosticsFacet,
  DiagnosticText,
  EventWish,
  LogWish,
  SandboxId,
} from '@opensandbox/core/ports';
import type { ContainerInspect } from '../engine/answers.ts';
import type { Engine } from '../engine/engine.ts';
import { engineTimeout, named, orAbsent } from '../faults.ts';
import type { LookupContext } from '../lookup.ts';
import { findContainer } from '../lookup.ts';
import { LABEL } from '../names.ts';
import type { HistoryEntry } from './engine-history.ts';
import { formatHistory, readHistory } from './engine-history.ts';
import { formatEvents } from './format-events.ts';
import { formatInspect } from './format-inspect.ts';
import { formatProcesses } from './format-processes.ts';
import { maskValues } from './mask.ts';
import { readLogs } from './read-logs.ts';

export interface DiagnosticsContext extends LookupContext {
  readonly engine: Pick<Engine, 'inspectContainer' | 'listContainers' | 'logs' | 'pastEvents' | 'processes'>;
  readonly clock: Clock;
}

/** Longest time of one question, all calls together: clients give up after half a minute. */
const LONGEST_MS = 20_000;
/** Logs that are read at the same time; each may take megabytes while it is. */
const LOG_READERS = 8;

/** Reads what the engine knows of a sandbox's containers. Changes nothing, waits for no other call. */
export function createDiagnostics(context: DiagnosticsContext): DiagnosticsFacet {
  const readers = createSemaphore(LOG_READERS);
  type Tell = (inspect: ContainerInspect, signal: AbortSignal) => Promise<DiagnosticText | undefined>;
  const about = async (
    id: SandboxId,
    caller: AbortSignal,
    tell: Tell,
  ): Promise<DiagnosticText | undefined> => {
    const tooSlow = (): Fault => engineTimeout('a question for diagnostics', LONGEST_MS);
    using limit = deadline(context.clock, LONGEST_MS, caller, tooSlow);
    const work = async (): Promise<DiagnosticText | undefined> => {
      const inspect = await findContainer(context, id, limit.signal);
      return inspect === undefined ? undefined : tell(inspect, limit.signal);
    };
    return await named('sandbox.query_failed', `Failed to read the diagnostics of sandbox ${id}`, work());
  };
  return {
    logs: (id, wish, caller) =>
      about(id, caller, (inspect, signal) =>
        readers.run(() => tellLogs(context, { inspect, wish }, signal), signal),
      ),
    events: (id, wish, caller) =>
      about(id, caller, (inspect, signal) => tellEvents(context, { id, inspect, wish }, signal)),
    describe: (id, caller) => about(id, caller, async (inspect) => plain(formatInspect(inspect))),
  };
}

interface LogTask {
  readonly inspect: ContainerInspect;
  readonly wish: LogWish;
}

async function tellLogs(
  context: DiagnosticsContext,
  { inspect, wish }: LogTask,
  signal: AbortSignal,
): Promise<DiagnosticText | undefined> {
  switch (wish.scope) {
    case 'container':
      return readLogs(context, { inspect, request: wish }, signal);
    case 'runtime':
      return plain(formatInspect(inspect));
    case 'network':
      return tellSidecarLogs(context, { inspect, wish }, signal);
    case 'process':
      return tellProcesses(context, inspect, signal);
  }
}

/** What guards the network of a sandbox is a container beside it. Its log must not tell the token that opens it. */
async function tellSidecarLogs(
  context: DiagnosticsContext,
  { inspect, wish }: LogTask,
  signal: AbortSignal,
): Promise<DiagnosticText> {
  const labels = inspect.Config.Labels ?? {};
  const [sidecar] = await findSidecars(context, labels[LABEL.id] ?? '', signal);
  if (sidecar === undefined) {
    return plain('(no network sidecar: nothing writes a network log)\n');
  }
  const read = await readLogs(context, { inspect: sidecar, request: wish }, signal);
  if (read === undefined) return plain('', ['The network sidecar of the sandbox is gone.']);
  return { ...read, text: maskValues(read.text, [labels[LABEL.egressAuthToken] ?? '']) };
}

async function tellProcesses(
  { engine }: DiagnosticsContext,
  inspect: ContainerInspect,
  signal: AbortSignal,
): Promise<DiagnosticText> {
  if (inspect.State.Running !== true) return plain('(no processes: the sandbox does not run)\n');
  try {
    return plain(formatProcesses(await engine.processes(inspect.Id, signal)));
  } catch (error) {
    if (isFault(error, 'unavailable') || isFault(error, 'timeout') || signal.aborted) throw error;
    return plain('', ['The engine could not list the processes of the sandbox.']);
  }
}

interface EventTask {
  readonly id: SandboxId;
  readonly inspect: ContainerInspect;
  readonly wish: EventWish;
}

/** What concerns the main process and what was started beside it. */
const PROCESS_ACTION = /^(start|die|oom|kill|stop|restart|exec_)/;

async function tellEvents(
  context: DiagnosticsContext,
  { id, inspect, wish }: EventTask,
  signal: AbortSignal,
): Promise<DiagnosticText> {
  const of = (containers: readonly ContainerInspect[], isMeant: (entry: HistoryEntry) => boolean) =>
    tellHistory(context, { containers, isMeant, limit: wish.limit }, signal);
  switch (wish.scope) {
    case 'container':
      return plain(formatEvents(inspect, wish.limit));
    case 'runtime':
      return of([inspect], ({ type }) => type === 'container');
    case 'network': {
      const sidecars = await findSidecars(context, id, signal);
      const ids = new Set(sidecars.map((sidecar) => sidecar.Id));
      return of(
        [inspect, ...sidecars],
        ({ type, containerId }) => type === 'network' || ids.has(containerId),
      );
    }
    case 'process':
      return of([inspect], ({ type, action }) => type === 'container' && PROCESS_ACTION.test(action));
  }
}

interface HistoryTask {
  readonly containers: readonly ContainerInspect[];
  readonly isMeant: (entry: HistoryEntry) => boolean;
  readonly limit: number;
}

async function tellHistory(
  context: DiagnosticsContext,
  { containers, isMeant, limit }: HistoryTask,
  signal: AbortSignal,
): Promise<DiagnosticText> {
  const history = await readHistory(context, containers, signal);
  const meant = history.entries.filter(isMeant);
  const shown = meant.slice(Math.max(0, meant.length - limit));
  const forgotten = 'The engine remembers its latest events only: older ones of this sandbox are gone.';
  return {
    text: formatHistory(shown),
    isTruncated: shown.length < meant.length,
    warnings: history.isWhole ? [] : [forgotten],
  };
}

async function findSidecars(
  { engine }: DiagnosticsContext,
  id: string,
  signal: AbortSignal,
): Promise<readonly ContainerInspect[]> {
  const listed = await engine.listContainers({ label: [`${LABEL.sidecarFor}=${id}`] }, signal);
  const newestFirst = [...listed].sort((left, right) => right.Created - left.Created);
  const inspects = newestFirst.map(({ Id: containerId }) =>
    orAbsent(engine.inspectContainer(containerId, signal)),
  );
  return (await Promise.all(inspects)).filter((inspect) => inspect !== undefined);
}

function plain(text: string, warnings: readonly string[] = []): DiagnosticText {
  return { text, isTruncated: false, warnings };
}
