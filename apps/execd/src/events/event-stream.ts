import type { Clock } from '@opensandbox/base';
import type { AgentEvent } from './agent-event.ts';
import { formatEvent, formatLines } from './event-line.ts';
import { openTextStream, streamResponse } from './text-stream.ts';

const PING_EVERY_MS = 3000;

const outcomes = new WeakMap<Response, Promise<'success' | 'failure'>>();

/** How the execution of an answer ended, once it has. Undefined for answers that are no such stream. */
export function outcomeOf(response: Response): Promise<'success' | 'failure'> | undefined {
  return outcomes.get(response);
}

/** The events of one execution. The first is `init`; pings follow it until the end. */
export interface EventStream {
  readonly response: Response;
  /** Aborts when the client went away; from then on events are dropped. */
  readonly gone: AbortSignal;
  /** Resolves when there is room for more. */
  send(event: AgentEvent): Promise<void>;
  /** Sends lines of output, one event each. Resolves when there is room for more. */
  sendLines(type: 'stdout' | 'stderr', lines: readonly string[]): Promise<void>;
  end(): void;
}

export function openEventStream(clock: Clock, requestSignal: AbortSignal): EventStream {
  const stream = openTextStream(requestSignal);
  const response = streamResponse(stream);
  let nextPing: Disposable | undefined;
  let hasFailed = false;
  let tellOutcome: (outcome: 'success' | 'failure') => void = () => undefined;
  outcomes.set(response, new Promise((resolve) => (tellOutcome = resolve)));

  const write = (event: AgentEvent): Promise<void> => stream.write(formatEvent(event, clock.now()));

  function ping(): void {
    void write({ type: 'ping', text: 'pong' });
    if (!stream.gone.aborted) nextPing = clock.at(clock.now() + PING_EVERY_MS, ping);
  }
  function stopPings(): void {
    nextPing?.[Symbol.dispose]();
    nextPing = undefined;
  }
  stream.gone.addEventListener('abort', stopPings, { once: true });

  return {
    response,
    gone: stream.gone,
    send(event) {
      const room = write(event);
      if (event.type === 'error') hasFailed = true;
      if (event.type === 'init') ping();
      return room;
    },
    async sendLines(type, lines) {
      for (const text of formatLines(type, lines, clock.now())) await stream.write(text);
    },
    end() {
      stopPings();
      stream.end();
      tellOutcome(hasFailed ? 'failure' : 'success');
    },
  };
}
