import { Fault } from '@opensandbox/base';
import { FakeClock, settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createContexts } from './contexts.ts';
import type { Jupyter, JupyterSession, KernelSpec, SessionWish } from './jupyter.ts';
import { openSession } from './open-session.ts';

const never = new AbortController().signal;
const PYTHON = { name: 'python', language: 'python' };

interface Script {
  specs: () => Promise<readonly KernelSpec[]>;
  createSession: (wish: SessionWish) => Promise<JupyterSession>;
}

/** A server whose answers the test writes; the calls it got are kept. */
function scripted(script: Partial<Script>): { jupyter: Jupyter; calls: string[]; wishes: SessionWish[] } {
  const calls: string[] = [];
  const wishes: SessionWish[] = [];
  const unexpected = (): never => {
    throw new Error('not asked for in this test');
  };
  const jupyter: Jupyter = {
    async specs() {
      calls.push('specs');
      return script.specs?.() ?? [PYTHON];
    },
    async createSession(wish) {
      calls.push('create');
      wishes.push(wish);
      const session = {
        id: `s${wishes.length}`,
        path: wish.path,
        kernelId: 'k',
        kernelName: wish.kernelName,
      };
      return script.createSession?.(wish) ?? session;
    },
    async deleteSession(id) {
      calls.push(`delete ${id}`);
    },
    session: unexpected,
    kernelState: unexpected,
    restartKernel: unexpected,
    interruptKernel: unexpected,
    connect: unexpected,
  };
  return { jupyter, calls, wishes };
}

const down = (): Promise<never> => Promise.reject(new Fault('unavailable', 'jupyter.unreachable', 'down'));

describe('openSession', () => {
  it('never takes the built-in kernel, and of several the first by name', async () => {
    const specs = async (): Promise<KernelSpec[]> => [
      { name: 'python3', language: 'python' },
      { name: 'z-python', language: 'python' },
      { name: 'b-python', language: 'python' },
      { name: 'a-ruby', language: 'ruby' },
    ];
    const { jupyter, wishes } = scripted({ specs });
    const deps = { clock: new FakeClock(0), jupyter, lifetime: never };
    await openSession(deps, { language: 'python', cwd: '/project/here/' }, never);
    expect(wishes[0]?.kernelName).toBe('b-python');
    expect(wishes[0]?.path).toMatch(/^project\/here\/[0-9a-f]{32}\.ipynb$/);
  });

  it('asks a server that is down at most every five seconds, and gives up after about five minutes', async () => {
    const clock = new FakeClock(0);
    const { jupyter, calls } = scripted({ specs: down });
    let ended: unknown;
    const deps = { clock, jupyter, lifetime: never };
    openSession(deps, { language: 'python', cwd: undefined }, never).catch(
      (error: unknown) => (ended = error),
    );
    for (let at = 0; at < 250; at += 1) await clock.advance(1000);
    expect(ended).toBeUndefined();
    expect(calls.length).toBeGreaterThan(45);
    for (let at = 0; at < 100; at += 1) await clock.advance(1000);
    expect(ended).toMatchObject({ message: 'down' });
    expect(clock.pending).toEqual([]);
  });

  it('gives up soon on a kernel that cannot be started', async () => {
    const clock = new FakeClock(0);
    const broken = (): Promise<never> =>
      Promise.reject(new Fault('internal', 'jupyter.status_500', 'broken'));
    const { jupyter, wishes } = scripted({ createSession: broken });
    const deps = { clock, jupyter, lifetime: never };
    const ended = expect(openSession(deps, { language: 'python', cwd: undefined }, never)).rejects.toThrow(
      'broken',
    );
    for (let at = 0; at < 10; at += 1) await clock.advance(1000);
    await ended;
    expect(wishes).toHaveLength(4);
  });

  it('deletes the session that comes after its client left', async () => {
    const leaving = new AbortController();
    let arrive: (session: JupyterSession) => void = () => undefined;
    const slow = (): Promise<JupyterSession> => new Promise((resolve) => (arrive = resolve));
    const { jupyter, calls } = scripted({ createSession: slow });
    const deps = { clock: new FakeClock(0), jupyter, lifetime: never };
    const ended = expect(
      openSession(deps, { language: 'python', cwd: undefined }, leaving.signal),
    ).rejects.toThrow();
    await settle();
    leaving.abort();
    await ended;
    arrive({ id: 'late', path: '', kernelId: 'k', kernelName: 'python' });
    await settle();
    expect(calls).toEqual(['specs', 'create', 'delete late']);
  });
});

describe('the contexts', () => {
  it('make one default context for callers at the same time, and another after it was deleted', async () => {
    const { jupyter, wishes } = scripted({});
    const contexts = createContexts({ clock: new FakeClock(0), jupyter, lifetime: never });
    const [one, two] = await Promise.all([
      contexts.defaultOf('python', never),
      contexts.defaultOf('python', never),
    ]);
    expect(two).toBe(one);
    expect(await contexts.defaultOf('python', never)).toBe(one);
    await contexts.delete(one, never);
    expect(contexts.list(undefined)).toEqual([]);
    expect(await contexts.defaultOf('python', never)).not.toBe(one);
    expect(wishes).toHaveLength(2);
  });

  it('give no new kernel to a context that was deleted', async () => {
    const { jupyter, calls } = scripted({});
    const contexts = createContexts({ clock: new FakeClock(0), jupyter, lifetime: never });
    const context = await contexts.create('python', undefined, never);
    await contexts.delete(context, never);
    await expect(contexts.replaceKernel(context, never)).rejects.toThrow('context not found');
    expect(calls).toEqual(['specs', 'create', 'delete s1']);
  });

  it('give up the new kernel of a context that is deleted while it starts', async () => {
    let arrive: (session: JupyterSession) => void = () => undefined;
    const session = { id: 'first', path: '', kernelId: 'k', kernelName: 'python' };
    const answers = [Promise.resolve(session), new Promise<JupyterSession>((resolve) => (arrive = resolve))];
    const { jupyter, calls } = scripted({
      createSession: () => answers.shift() ?? Promise.reject(new Error()),
    });
    const contexts = createContexts({ clock: new FakeClock(0), jupyter, lifetime: never });
    const context = await contexts.create('python', undefined, never);
    const ended = expect(contexts.replaceKernel(context, never)).rejects.toThrow('context not found');
    await settle();
    await contexts.delete(context, never);
    arrive({ ...session, id: 'second' });
    await ended;
    expect(calls.slice(-2)).toEqual(['delete first', 'delete second']);
  });
});
