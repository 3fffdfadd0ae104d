import { sleep } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';
import { jsonText } from '../error-envelope.ts';
import { formatEvent } from '../events/event-line.ts';
import { openTextStream, streamResponse } from '../events/text-stream.ts';
import { beginUse } from './isolated-sessions.ts';
import type { IsolatedSession } from './isolated-sessions.ts';
import type { RunRequest } from './session-request.ts';
import { fetchUnix } from './unix-http.ts';

const EXITED = 'session process has exited';
/** No output holds these: its quotes are escaped. */
const TERMINAL = ['{"type":"execution_complete"', '{"type":"error"'];

/**
 * Passes the events of a run on. The session waits with its first bytes until there is something to say, and so does
 * this. A session that ends in the middle of a run tells nothing more: its end is told here.
 */
export async function forwardRun(
  clock: Clock,
  session: IsolatedSession,
  request: RunRequest,
  signal: AbortSignal,
): Promise<Response> {
  session.lastRunAt = clock.now();
  if (!session.process.isAlive()) return tellEnd(clock, signal);
  const done = beginUse(session, clock);
  try {
    const init = { method: 'POST', body: JSON.stringify(request), signal };
    const answer = await fetchUnix(session.process.socket, '/run', init);
    if (!answer.ok || answer.body === null) {
      const text = await answer.text();
      done();
      return jsonText(text, answer.status);
    }
    return streamResponse({ body: withEnd(answer.body, { clock, session, done }) });
  } catch (error) {
    done();
    if (signal.aborted || !(await hasEnded(clock, session))) throw error;
    return tellEnd(clock, signal);
  }
}

interface Ending {
  readonly clock: Clock;
  readonly session: IsolatedSession;
  readonly done: () => void;
}

function withEnd(body: ReadableStream<Uint8Array>, ending: Ending): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let isTold = false;
  const finish = async (sink: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    ending.done();
    if (!isTold && (await hasEnded(ending.clock, ending.session)))
      sink.enqueue(Buffer.from(exitedEvent(ending.clock)));
    sink.close();
  };
  return new ReadableStream<Uint8Array>({
    async pull(sink) {
      // A session that is killed breaks its answer off.
      const piece = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (piece.done || piece.value === undefined) return finish(sink);
      const bytes = Buffer.from(piece.value.buffer, piece.value.byteOffset, piece.value.byteLength);
      isTold ||= TERMINAL.some((start) => bytes.includes(start));
      sink.enqueue(piece.value);
    },
    cancel(reason) {
      ending.done();
      return reader.cancel(reason);
    },
  });
}

const EXIT_SEEN_MS = 500;

/** Whether the session's processes are gone. Their connection may end a moment before they do. */
async function hasEnded(clock: Clock, session: IsolatedSession): Promise<boolean> {
  const waiting = new AbortController();
  const late = sleep(clock, EXIT_SEEN_MS, waiting.signal).catch(() => undefined); // it is called off
  await Promise.race([session.process.exited, late]);
  waiting.abort();
  return !session.process.isAlive();
}

function tellEnd(clock: Clock, signal: AbortSignal): Response {
  const stream = openTextStream(signal);
  void stream.write(exitedEvent(clock));
  stream.end();
  return streamResponse(stream);
}

function exitedEvent(clock: Clock): string {
  const error = { ename: 'RuntimeError', evalue: EXITED, traceback: [] };
  return formatEvent({ type: 'error', text: EXITED, error }, clock.now());
}
