import type { Clock } from '@opensandbox/base';
import type { OutputPipe } from '@opensandbox/process';
import { createLineSplitter } from '@opensandbox/process';
import { LONGEST_EVENT_BYTES } from '../events/event-line.ts';
import type { EventStream } from '../events/event-stream.ts';

export interface ToldPipe {
  readonly type: 'stdout' | 'stderr';
  readonly pipe: Pick<OutputPipe, 'deliver'>;
  readonly ended: AbortSignal;
  readonly clock: Clock;
  /** Whether the beginning of a line is sent when its end does not come soon. */
  readonly partialLines: boolean;
}

/** As soon as a person would miss a prompt, and long enough for a program that prints a line in pieces. */
const LINE_END_WAIT_MS = 100;

/** Sends what comes through a pipe, line by line; reads on and drops it when the client has gone. */
export async function tellLines(stream: EventStream, told: ToldPipe): Promise<void> {
  const { type, pipe, ended, clock, partialLines } = told;
  const lines = createLineSplitter(LONGEST_EVENT_BYTES);
  let silence: Disposable | undefined;

  function sendBeginning(): void {
    const text = lines.takeBeginning();
    if (text !== undefined) void stream.send({ type, text, partial: true });
  }
  async function onBytes(bytes: Uint8Array): Promise<void> {
    silence?.[Symbol.dispose]();
    silence = undefined;
    if (stream.gone.aborted) return;
    await stream.sendLines(type, lines.push(bytes));
    if (partialLines) silence = clock.at(clock.now() + LINE_END_WAIT_MS, sendBeginning);
  }

  try {
    await pipe.deliver({ clock, ended, onBytes });
  } finally {
    silence?.[Symbol.dispose]();
  }
  await stream.sendLines(type, lines.finish());
}
