import type { Clock } from '@opensandbox/base';
import type { AgentEvent } from './agent-event.ts';
import { formatEvent, formatLines } from './event-line.ts';
import { openTextStream, streamResponse } from './text-stream.ts';

const PING_EVERY_MS = 3000;

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
  let nextPing: Disposable | undefined;

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
    response: streamResponse(stream),
    gone: stream.gone,
    send(event) {
      const room = write(event);
      if (event.type === 'init') ping();
      return room;
    },
    async sendLines(type, lines) {
      for (const text of formatLines(type, lines, clock.now())) await stream.write(text);
    },
    end() {
      stopPings();
      stream.end();
    },
  };
}
