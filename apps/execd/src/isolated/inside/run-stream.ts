import type { Clock } from '@opensandbox/base';
import { runtimeError } from '../../events/agent-event.ts';
import type { AgentEvent } from '../../events/agent-event.ts';
import { formatEvent, formatLines } from '../../events/event-line.ts';
import { openTextStream, streamResponse } from '../../events/text-stream.ts';
import type { SessionRun } from '../../sessions/session-run.ts';

/**
 * Clients give up a stream that is silent for five minutes. But one of them can abort only until the first bytes
 * arrive, so nothing is sent sooner than needed.
 */
const SILENCE_MS = 60_000;

export interface RunStreamDeps {
  readonly clock: Clock;
  /** Aborts when the client went away. */
  readonly signal: AbortSignal;
  /** Waits until it is this run's turn. */
  readonly turn: (task: () => Promise<void>) => Promise<void>;
}

/**
 * The events of one run of an isolated session: its output, then how it ended. Resolves with the first event, and
 * rejects when there is none because the run could not be started.
 */
export function streamRun(deps: RunStreamDeps, start: () => Promise<SessionRun>): Promise<Response> {
  const { clock } = deps;
  const stream = openTextStream(deps.signal);
  return new Promise((resolve, reject) => {
    let timer: Disposable | undefined;
    let ended = false;
    let isCommitted = false;

    function commit(): void {
      if (!isCommitted) resolve(streamResponse(stream));
      isCommitted = true;
      timer?.[Symbol.dispose]();
      if (!ended && !stream.gone.aborted) timer = clock.at(clock.now() + SILENCE_MS, ping);
    }
    function send(event: AgentEvent): Promise<void> {
      const written = stream.write(formatEvent(event, clock.now()));
      commit();
      return written;
    }
    const ping = (): void => void send({ type: 'ping', text: 'pong' });

    async function tell(): Promise<void> {
      const run = await start();
      const listener = {
        gone: stream.gone,
        async send(event: AgentEvent): Promise<void> {
          if (event.type !== 'init') await send(isolatedEvent(event));
        },
        async sendLines(type: 'stdout' | 'stderr', lines: readonly string[]): Promise<void> {
          for (const text of formatLines(type, lines, clock.now())) {
            commit();
            await stream.write(text);
          }
        },
      };
      await run.tell(listener);
    }

    timer = clock.at(clock.now() + SILENCE_MS, ping);
    deps
      .turn(tell)
      .catch((error: unknown) => {
        if (!isCommitted) reject(error);
        else void send(isolatedEvent(runtimeError(error instanceof Error ? error.message : String(error))));
      })
      .finally(() => {
        ended = true;
        timer?.[Symbol.dispose]();
        stream.end();
      });
  });
}

/** An exit code is named otherwise here than for ordinary sessions, and what is no exit code has no number. */
export function isolatedEvent(event: AgentEvent): AgentEvent {
  if (event.type !== 'error') return event;
  const { evalue, ename, traceback } = event.error;
  const isExit = ename === 'CommandExecError' && /^\d+$/.test(evalue);
  const message = ename === 'CommandExecError' ? (traceback[0] ?? evalue) : evalue;
  const error = isExit
    ? { ename: 'ExitError', evalue, traceback: [] }
    : { ename: 'RuntimeError', evalue: message, traceback: [] };
  const text = isExit ? `command exited with code ${evalue}` : message;
  return { type: 'error', text, error };
}
