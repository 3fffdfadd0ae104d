import type { Readable } from 'node:stream';
import type { DiagnosticText } from '@opensandbox/core/ports';
import type { Clock } from '@opensandbox/base';
import { deadline, isFault } from '@opensandbox/base';
import type { ContainerInspect, LogConfig } from '../engine/answers.ts';
import type { Engine } from '../engine/engine.ts';
import { engineTimeout, readConnectionFailure } from '../faults.ts';
import type { LogPiece } from './log-frames.ts';
import { FrameReader } from './log-frames.ts';
import { LogTail } from './log-tail.ts';

export interface LogContext {
  readonly engine: Pick<Engine, 'logs'>;
  readonly clock: Clock;
}

export interface LogRequest {
  readonly lines: number;
  readonly since: number | undefined;
  readonly maxBytes: number;
}

/** Longest reading of one log. What has come by then is the answer. */
const LONGEST_MS = 12_000;
/** So many times what is kept may be read before fewer entries are asked for. */
const EXCESS = 4;
/** The last attempt reads whatever comes. */
const ATTEMPTS = 3;

/** The end of a container's output. `undefined` when the container is gone. */
export async function readLogs(
  context: LogContext,
  { inspect, request }: { readonly inspect: ContainerInspect; readonly request: LogRequest },
  signal: AbortSignal,
): Promise<DiagnosticText | undefined> {
  using limit = deadline(context.clock, LONGEST_MS, signal, () => engineTimeout('with a log', LONGEST_MS));
  try {
    const read = await readEnd(context, { inspect, request }, limit.signal);
    return { ...read, warnings: [...read.warnings, ...keepingWarnings(inspect.HostConfig?.LogConfig)] };
  } catch (error) {
    if (isFault(error, 'unsupported')) return unreadable(inspect.HostConfig?.LogConfig);
    // A container that is being removed is as good as gone.
    if (isFault(error, 'not_found') || isFault(error, 'conflict')) return undefined;
    throw error;
  }
}

/**
 * The engine finds the end of a log by itself, counted in entries. When these are so long that most of what comes
 * would be thrown away, fewer are asked for.
 */
async function readEnd(
  context: LogContext,
  { inspect, request }: { readonly inspect: ContainerInspect; readonly request: LogRequest },
  signal: AbortSignal,
): Promise<DiagnosticText> {
  const isTerminal = inspect.Config.Tty === true;
  let entries = request.lines;
  for (let attempt = 1; ; attempt += 1) {
    const mostBytes = attempt === ATTEMPTS ? Infinity : request.maxBytes * EXCESS;
    using life = ownSignal(signal);
    const tail = new LogTail(request.maxBytes);
    const stream = await context.engine.logs(inspect.Id, { entries, since: request.since }, life.signal);
    const outcome = await fill(tail, { stream, isTerminal, mostBytes }, signal);
    if (outcome === 'too-much') {
      entries = Math.max(1, Math.ceil((tail.entries * 2) / EXCESS));
      continue;
    }
    const isTruncated = tail.isTruncated || entries < request.lines;
    const warnings =
      outcome === 'whole'
        ? []
        : ['The engine stopped in the middle of the log: the newest lines are missing.'];
    return { text: tail.text(), isTruncated, warnings };
  }
}

type Outcome = 'whole' | 'too-much' | 'broken-off';

interface Source {
  readonly stream: Readable;
  readonly isTerminal: boolean;
  readonly mostBytes: number;
}

async function fill(
  tail: LogTail,
  { stream, isTerminal, mostBytes }: Source,
  signal: AbortSignal,
): Promise<Outcome> {
  const frames = new FrameReader();
  try {
    for await (const chunk of stream) {
      const bytes = chunk as Buffer;
      for (const piece of isTerminal ? plainPieces(bytes) : frames.push(bytes)) tail.add(piece);
      if (tail.bytes > mostBytes) return 'too-much'; // leaving the loop destroys the stream
    }
    return 'whole';
  } catch (error) {
    const fault = readConnectionFailure(error, signal);
    if (tail.bytes === 0 || isFault(fault, 'cancelled')) throw fault;
    return 'broken-off';
  }
}

/** A terminal has one output, and the engine sends it as it is. Its entries are its lines. */
function* plainPieces(bytes: Buffer): Generator<LogPiece> {
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(0x0a, from);
    const to = end === -1 ? bytes.length : end + 1;
    const isStart = from === 0 ? bytes.length > 0 : true;
    yield { stream: 'stdout', bytes: bytes.subarray(from, to), isStart };
    from = to;
  }
}

function ownSignal(parent: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(parent.reason);
  parent.addEventListener('abort', onAbort, { once: true });
  if (parent.aborted) onAbort();
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      parent.removeEventListener('abort', onAbort);
      controller.abort();
    },
  };
}

function unreadable(config: LogConfig | undefined): DiagnosticText {
  const text = `The engine's log driver '${config?.Type ?? 'unknown'}' keeps no output that can be read.`;
  return { text: `(${text})\n`, isTruncated: false, warnings: [text] };
}

/** Logs that the engine cuts by itself may lack what is old. */
function keepingWarnings(config: LogConfig | undefined): readonly string[] {
  const maxSize = config?.Config?.['max-size'];
  if (maxSize !== undefined) {
    const files = config?.Config?.['max-file'] ?? '1';
    return [`The engine keeps at most ${files} file(s) of ${maxSize} of this log: older lines may be gone.`];
  }
  return config?.Type === 'local' ? ['The engine rotates this log: older lines may be gone.'] : [];
}
