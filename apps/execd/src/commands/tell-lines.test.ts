import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../events/agent-event.ts';
import type { EventStream } from '../events/event-stream.ts';
import { tellLines } from './tell-lines.ts';

type Onward = (bytes: Uint8Array) => Promise<void>;

/** A pipe that the test writes to. */
function openPipe(partialLines: boolean) {
  const clock = new FakeClock(0);
  const told: AgentEvent[] = [];
  const stream: EventStream = {
    response: new Response(null),
    gone: new AbortController().signal,
    send: (event) => Promise.resolve(void told.push(event)),
    sendLines: (type, lines) => Promise.resolve(void told.push(...lines.map((text) => ({ type, text })))),
    end: () => undefined,
  };
  let onBytes: Onward = () => Promise.resolve();
  let end: () => void = () => undefined;
  const pipe = {
    deliver(delivery: { readonly onBytes: Onward }): Promise<void> {
      onBytes = delivery.onBytes;
      return new Promise((resolve) => (end = resolve));
    },
  };
  const ended = new AbortController().signal;
  const done = tellLines(stream, { type: 'stdout', pipe, ended, clock, partialLines });
  return {
    clock,
    told,
    write: (text: string) => onBytes(new TextEncoder().encode(text)),
    async end() {
      end();
      await done;
    },
  };
}

describe('output without the end of its line', () => {
  it('waits for the end when nobody asked for partial lines', async () => {
    const pipe = openPipe(false);
    await pipe.write('p1');
    await pipe.clock.advance(60_000);
    await pipe.write('p2\n');
    await pipe.end();
    expect(pipe.told).toEqual([{ type: 'stdout', text: 'p1p2' }]);
  });

  it('is sent as a beginning after a short silence when it was asked for', async () => {
    const pipe = openPipe(true);
    await pipe.write('done\nPassword: ');
    await pipe.clock.advance(99);
    expect(pipe.told).toEqual([{ type: 'stdout', text: 'done' }]);
    await pipe.clock.advance(1);
    await pipe.write('\nwelcome\n');
    await pipe.end();
    expect(pipe.told).toEqual([
      { type: 'stdout', text: 'done' },
      { type: 'stdout', text: 'Password: ', partial: true },
      { type: 'stdout', text: '\n' },
      { type: 'stdout', text: 'welcome' },
    ]);
  });

  it('goes on with the next event, or ends with an empty one, so that no two lines are taken for one', async () => {
    const pipe = openPipe(true);
    await pipe.write('Name? ');
    await pipe.clock.advance(100);
    await pipe.write('Ada\n');
    await pipe.write('Age? ');
    await pipe.clock.advance(100);
    await pipe.write('\r\n36\n');
    await pipe.end();
    let text = '';
    for (const event of pipe.told) {
      if (event.type !== 'stdout') continue;
      text += event.partial === true ? event.text : event.text.replace(/\n?$/, '\n');
    }
    expect(text).toBe('Name? Ada\nAge? \n36\n');
  });

  it('is one line when its pieces come quickly', async () => {
    const pipe = openPipe(true);
    for (const piece of ['a', 'b', 'c\n']) {
      await pipe.write(piece);
      await pipe.clock.advance(50);
    }
    await pipe.end();
    expect(pipe.told).toEqual([{ type: 'stdout', text: 'abc' }]);
  });
});
