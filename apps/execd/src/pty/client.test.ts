import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { ClientSocket } from '../proxy/web-socket-relay.ts';
import { Client } from './client.ts';

interface FakeSocket extends ClientSocket {
  readonly told: string[];
  readonly sent: (string | Uint8Array)[];
  /** Bytes that the other side has not taken; it takes all at once when this is not set. */
  unread: number;
  holds: boolean;
  take(bytes: number): void;
}

function fakeSocket(): FakeSocket {
  const waiting: (() => void)[] = [];
  const socket: FakeSocket = {
    told: [],
    sent: [],
    unread: 0,
    holds: false,
    send(message) {
      socket.sent.push(message);
      if (!socket.holds) return Promise.resolve();
      socket.unread += message.length;
      return new Promise((resume) => void waiting.push(resume));
    },
    take(bytes) {
      socket.unread = Math.max(0, socket.unread - bytes);
      if (socket.unread === 0) for (const resume of waiting.splice(0)) resume();
    },
    close: (code, reason) => void socket.told.push(`close ${code ?? 0} ${reason}`),
    terminate: () => void socket.told.push('terminate'),
    ping: () => void socket.told.push('ping'),
    pause: () => void socket.told.push('pause'),
    resume: () => void socket.told.push('resume'),
    bufferedBytes: () => socket.unread,
  };
  return socket;
}

function connected(): { clock: FakeClock; client: Client; socket: FakeSocket; frames: string[] } {
  const clock = new FakeClock();
  const frames: string[] = [];
  const client = new Client(clock, {
    opened: () => undefined,
    frame: (_client, frame) => void frames.push(frame.kind),
    closed: () => void frames.push('closed'),
  });
  const socket = fakeSocket();
  client.relay.opened(socket);
  return { clock, client, socket, frames };
}

describe('a pty client', () => {
  it('is pinged every 30 s and kept as long as it answers', async () => {
    const { clock, client, socket } = connected();
    for (let round = 0; round < 5; round += 1) {
      await clock.advance(30_000);
      client.relay.alive?.();
    }
    expect(socket.told).toEqual(Array<string>(5).fill('ping'));
  });

  it('is dropped when nothing came from it for 60 s', async () => {
    const { clock, socket } = connected();
    await clock.advance(59_999);
    expect(socket.told).toEqual(['ping']);
    await clock.advance(1);
    expect(socket.told).toEqual(['ping', 'terminate']);
    await clock.advance(600_000);
    expect(socket.told).toEqual(['ping', 'terminate']);
  });

  it('is dropped when it types but takes nothing of its output for 60 s', async () => {
    const { clock, client, socket } = connected();
    socket.holds = true;
    void client.output('stdout', new Uint8Array(1000));
    for (let round = 0; round < 3; round += 1) {
      client.relay.message('{"type":"ping"}');
      await clock.advance(30_000);
    }
    expect(socket.told.at(-1)).toBe('terminate');
  });

  it('is kept when it reads slowly and cannot answer pings behind its output', async () => {
    const { clock, client, socket } = connected();
    socket.holds = true;
    void client.output('stdout', new Uint8Array(30_000));
    for (let round = 0; round < 8; round += 1) {
      await clock.advance(30_000);
      socket.take(100);
    }
    expect(socket.told).not.toContain('terminate');
  });

  it('is not expected to show life while it is held back', async () => {
    const { clock, client, socket } = connected();
    client.isPaused = true;
    client.isPaused = true;
    await clock.advance(300_000);
    expect(socket.told.filter((told) => told !== 'ping')).toEqual(['pause']);
    client.isPaused = false;
    await clock.advance(60_000);
    expect(socket.told.filter((told) => told !== 'ping')).toEqual(['pause', 'resume', 'terminate']);
  });

  it('makes its output wait until it has taken it, or is gone', async () => {
    for (const release of ['take', 'end', 'close'] as const) {
      const { client, socket } = connected();
      socket.holds = true;
      let isDone = false;
      const done = client.output('stdout', new Uint8Array(40_000)).then(() => (isDone = true));
      await Promise.resolve();
      expect([isDone, socket.sent.length]).toEqual([false, 1]);
      socket.holds = false;
      if (release === 'take') socket.take(Infinity);
      if (release === 'end') client.end(4001, 'TAKEN_OVER');
      if (release === 'close') client.relay.closed(1006, '');
      await done;
      expect(socket.sent).toHaveLength(release === 'take' ? 2 : 1);
    }
  });

  it('is cut off when it asks on and on without reading the answers', () => {
    const { client, socket } = connected();
    socket.holds = true;
    for (let round = 0; round < 100; round += 1) client.tell('x'.repeat(50_000));
    expect(socket.told).toContain('terminate');
  });

  it('is closed when it has taken the exit code, and cut off when it does not answer that', async () => {
    const { clock, client, socket, frames } = connected();
    socket.holds = true;
    client.exit(7);
    await clock.advance(0);
    expect([socket.sent, socket.told]).toEqual([['{"type":"exit","exit_code":7}'], []]);
    socket.take(Infinity);
    await clock.advance(0);
    expect(socket.told).toEqual(['resume', 'close 1000 process exited']);
    client.relay.message('{"type":"ping"}');
    expect(frames).toEqual([]);
    await clock.advance(5000);
    expect(socket.told.at(-1)).toBe('terminate');
  });
});
