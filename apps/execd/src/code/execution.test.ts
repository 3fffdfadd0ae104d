import { FakeClock, settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../events/agent-event.ts';
import { execute } from './execution.ts';
import type { ExecutionEnd } from './execution.ts';
import { createInbox } from './kernel-channel.ts';

const never = new AbortController().signal;

interface Running {
  readonly clock: FakeClock;
  readonly events: AgentEvent[];
  readonly sent: { readonly id: string; readonly type: string; readonly content: Record<string, unknown> }[];
  readonly end: () => ExecutionEnd | undefined;
  readonly isStarted: () => boolean;
  /** The kernel says something that belongs to the newest request, or to `parent`. */
  say(type: string, content: Record<string, unknown>, parent?: string): Promise<void>;
  close(): Promise<void>;
}

function run(code: string, silent = false): Running {
  const clock = new FakeClock(0);
  const inbox = createInbox();
  const events: AgentEvent[] = [];
  const sent: Running['sent'] = [];
  let end: ExecutionEnd | undefined;
  let isStarted = false;
  const channel = {
    send(frame: string) {
      const { header, content } = JSON.parse(frame) as {
        readonly header: { readonly msg_id: string; readonly msg_type: string };
        readonly content: Record<string, unknown>;
      };
      sent.push({ id: header.msg_id, type: header.msg_type, content });
    },
    receive: (signal: AbortSignal) => inbox.next(signal),
    [Symbol.dispose]: () => inbox.close(),
  };
  const emit = async (event: AgentEvent): Promise<void> => void events.push(event);
  const started = (): void => void (isStarted = true);
  void execute({ clock, channel, idlePollMs: 100, emit, started }, { code, silent }, never).then(
    (how) => (end = how),
  );
  return {
    clock,
    events,
    sent,
    end: () => end,
    isStarted: () => isStarted,
    async say(type, content, parent = sent.at(-1)?.id ?? '') {
      inbox.add({ type, content, parent }, 0);
      await settle();
    },
    async close() {
      inbox.close();
      await settle();
    },
  };
}
const IDLE = { execution_state: 'idle' };

describe('execute', () => {
  it('asks for what it is told to, and for no input', () => {
    expect(run('1+1').sent[0]?.content).toEqual({
      code: '1+1',
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    });
    expect(run('x', true).sent[0]?.content).toMatchObject({ silent: true, store_history: false });
  });

  it('waits for both the reply and idle, then asks whether anything is still on its way', async () => {
    const running = run('x');
    await running.say('status', IDLE);
    expect([running.end(), running.sent.length]).toEqual([undefined, 1]);
    await running.say('execute_reply', { status: 'ok' });
    expect(running.sent.map((message) => message.type)).toEqual(['execute_request', 'kernel_info_request']);
    await running.say('stream', { name: 'stdout', text: 'late' }, running.sent[0]?.id);
    await running.say('status', IDLE);
    expect(running.end()).toBe('done');
    expect(running.events).toEqual([{ type: 'stdout', text: 'late' }]);
    expect(running.clock.pending).toEqual([]);
  });

  it('waits one interval for a kernel that does not answer that question', async () => {
    const running = run('x');
    await running.say('execute_reply', { status: 'ok' });
    await running.say('status', IDLE);
    await running.clock.advance(99);
    expect(running.end()).toBeUndefined();
    await running.clock.advance(1);
    await settle();
    expect(running.end()).toBe('done');
  });

  it('has started when the kernel has begun, not when it was only told', async () => {
    const running = run('x');
    await running.say('status', { execution_state: 'busy' });
    await running.say('execute_input', {}, 'of another');
    expect(running.isStarted()).toBe(false);
    await running.say('execute_input', { code: 'x' });
    expect(running.isStarted()).toBe(true);
  });

  it.each(['dead', 'restarting'] as const)('ends when the kernel is %s', async (state) => {
    const running = run('x');
    await running.say('status', { execution_state: state }, '');
    expect(running.end()).toBe(state);
  });

  it('ends when the connection does', async () => {
    const running = run('x');
    await running.close();
    expect(running.end()).toBe('disconnected');
  });
});
