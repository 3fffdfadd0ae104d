import { openScope, silentLogger } from '@opensandbox/base';
import type { ProcessExit } from '@opensandbox/process';
import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { ClientSocket, WebSocketRelay } from '../proxy/web-socket-relay.ts';
import { InputQueue } from './input-queue.ts';
import type { StartProgram, TakeOutput } from './program.ts';
import type { PtySession } from './session.ts';
import { createPtySessions } from './sessions.ts';
import type { PtySessions } from './sessions.ts';

const HOUR_MS = 60 * 60 * 1000;

interface Bench {
  readonly clock: FakeClock;
  readonly sessions: PtySessions;
  /** Lets the program that was started last print this many bytes. */
  print(bytes: number): Promise<void>;
  /** Ends the program that was started last. */
  exit(code: number): void;
  readonly killed: () => number;
}

function bench(most = 10_000): Bench {
  const clock = new FakeClock();
  let print: TakeOutput = () => Promise.resolve();
  let settle: (exit: ProcessExit) => void = () => undefined;
  let kills = 0;
  const start: StartProgram = async ({ mode }, events) => {
    const exited = new Promise<ProcessExit>((resolve) => (settle = resolve));
    return {
      mode,
      exited,
      input: new InputQueue({ clock, write: (bytes) => bytes.length }, events),
      readOutput(take) {
        print = take;
        return exited.then(() => undefined);
      },
      resize: () => undefined,
      signal: () => undefined,
      kill() {
        kills += 1;
        settle({ signal: 'SIGKILL' });
      },
      close: () => undefined,
    };
  };
  const scope = openScope(silentLogger);
  const sessions = createPtySessions({ clock, scope, start }, { keepMs: HOUR_MS, most, replayBytes: 100 });
  return {
    clock,
    sessions,
    print: (bytes) => print('stdout', new Uint8Array(bytes)),
    exit: (code) => settle({ code }),
    killed: () => kills,
  };
}

const QUIET_SOCKET: ClientSocket = {
  send: () => Promise.resolve(),
  close: () => undefined,
  terminate: () => undefined,
  ping: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  bufferedBytes: () => 0,
};

/** Connects a client; what it returns disconnects it. */
async function connect(
  clock: FakeClock,
  session: PtySession,
  socket = QUIET_SOCKET,
): Promise<WebSocketRelay> {
  let relay: WebSocketRelay | undefined;
  const request = { mode: 'pty', since: 0, takesOver: false, restarts: true } as const;
  const outcome = session.connect(request, (given) => {
    relay = given;
    return true;
  });
  if (outcome !== 'connected' || relay === undefined) throw new Error(outcome);
  relay.opened(socket);
  await clock.advance(0);
  return relay;
}

describe('pty sessions', () => {
  it('are forgotten after an hour in which nobody used them', async () => {
    const { clock, sessions } = bench();
    const { id } = sessions.create('/', '');
    await clock.advance(HOUR_MS - 1);
    expect(sessions.find(id)).toBeDefined();
    await clock.advance(1);
    expect(sessions.find(id)).toBeUndefined();
  });

  it('are kept while their program runs, with or without a client', async () => {
    const { clock, sessions, exit } = bench();
    const session = sessions.create('/', '');
    const relay = await connect(clock, session);
    expect(session.isRunning).toBe(true);
    relay.closed(1006, '');
    await clock.advance(10 * HOUR_MS);
    expect(sessions.find(session.id)).toBe(session);
    exit(0);
    await clock.advance(HOUR_MS - 1);
    expect(sessions.find(session.id)).toBe(session);
    await clock.advance(2);
    expect(sessions.find(session.id)).toBeUndefined();
  });

  it('are counted: the one that is idle longest goes first, and none that runs', async () => {
    const { clock, sessions } = bench(2);
    const running = sessions.create('/', '');
    await connect(clock, running);
    const first = sessions.create('/', '');
    const second = sessions.create('/', '');
    const third = sessions.create('/', '');
    const kept = [running, first, second, third].filter(({ id }) => sessions.find(id) !== undefined);
    expect(kept).toEqual([running, third]);
  });

  it('give up the replays of those idle longest when all take too much memory', async () => {
    const { clock, sessions, print, exit } = bench();
    const all = [sessions.create('/', ''), sessions.create('/', ''), sessions.create('/', '')];
    for (const session of all) {
      const relay = await connect(clock, session);
      await print(40);
      exit(0);
      await clock.advance(0);
      relay.closed(1000, '');
    }
    expect(all.map(({ replayBytes }) => replayBytes)).toEqual([0, 40, 40]);
    expect(all.map(({ outputOffset }) => outputOffset)).toEqual([40, 40, 40]);
    expect(all.every(({ id }) => sessions.find(id) !== undefined)).toBe(true);
  });

  it('count their output on when the earlier was given up', async () => {
    const { clock, sessions, print, exit } = bench();
    const session = sessions.create('/', '');
    const first = await connect(clock, session);
    await print(101);
    exit(0);
    await clock.advance(0);
    first.closed(1000, '');
    expect([session.replayBytes, session.outputOffset]).toEqual([0, 101]);
    const second = await connect(clock, session);
    await print(9);
    second.closed(1006, '');
    const sent: (string | Uint8Array)[] = [];
    await connect(clock, session, {
      ...QUIET_SOCKET,
      send: (frame) => Promise.resolve(void sent.push(frame)),
    });
    const replay = sent[0];
    if (replay === undefined || typeof replay === 'string') throw new Error('no replay');
    expect([replay[0], new DataView(replay.buffer).getBigInt64(1), replay.length]).toEqual([3, 101n, 18]);
  });

  it('are ended when they are removed or all stop', async () => {
    const { clock, sessions, killed } = bench();
    const removed = sessions.create('/', '');
    await connect(clock, removed);
    expect([sessions.remove(removed.id), sessions.remove(removed.id), killed()]).toEqual([true, false, 1]);
    const stopped = sessions.create('/', '');
    await connect(clock, stopped);
    sessions.stop();
    expect(killed()).toBe(2);
    await clock.advance(0);
    expect([removed.isRunning, stopped.isRunning]).toEqual([false, false]);
  });
});
