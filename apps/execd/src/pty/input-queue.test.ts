import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { InputQueue } from './input-queue.ts';

const MEBIBYTE = 1024 * 1024;

function setUp(): {
  clock: FakeClock;
  queue: InputQueue;
  written: Uint8Array[];
  told: string[];
  room: { bytes: number };
} {
  const clock = new FakeClock();
  const written: Uint8Array[] = [];
  const told: string[] = [];
  const room = { bytes: Infinity };
  const write = (bytes: Uint8Array): number => {
    if (Number.isNaN(room.bytes)) throw Object.assign(new Error('gone'), { code: 'EPIPE' });
    if (room.bytes === 0) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
    const part = bytes.subarray(0, Math.min(bytes.length, room.bytes));
    room.bytes -= part.length;
    written.push(part);
    return part.length;
  };
  const queue = new InputQueue(
    { clock, write },
    { onRoom: () => void told.push('room'), onFailure: (error) => void told.push((error as Error).message) },
  );
  return { clock, queue, written, told, room };
}

describe('an input queue', () => {
  it('writes at once what there is room for', () => {
    const { queue, written, told } = setUp();
    queue.push(Buffer.from('ab'));
    queue.push(Buffer.from(''));
    expect(Buffer.concat(written).toString()).toBe('ab');
    expect([queue.isFull, told]).toEqual([false, []]);
  });

  it('keeps the order and goes on when there is room again', async () => {
    const { clock, queue, written, room } = setUp();
    room.bytes = 3;
    queue.push(Buffer.from('abcd'));
    queue.push(Buffer.from('ef'));
    expect(Buffer.concat(written).toString()).toBe('abc');
    room.bytes = Infinity;
    await clock.advance(1);
    expect(Buffer.concat(written).toString()).toBe('abcdef');
  });

  it('is full beyond 4 MiB and tells when it is not any more', async () => {
    const { clock, queue, told, room } = setUp();
    room.bytes = 0;
    queue.push(new Uint8Array(4 * MEBIBYTE));
    expect(queue.isFull).toBe(false);
    queue.push(new Uint8Array(1));
    expect(queue.isFull).toBe(true);
    room.bytes = 3 * MEBIBYTE;
    await clock.advance(100);
    expect([queue.isFull, told]).toEqual([true, []]);
    room.bytes = Infinity;
    await clock.advance(100);
    expect([queue.isFull, told]).toEqual([false, ['room']]);
  });

  it('tells a failure once and takes nothing more', async () => {
    const { clock, queue, told, room, written } = setUp();
    room.bytes = NaN;
    queue.push(Buffer.from('a'));
    await clock.advance(1);
    room.bytes = Infinity;
    queue.push(Buffer.from('b'));
    await clock.advance(1);
    expect([told, written]).toEqual([['gone'], []]);
  });

  it('gives up what waits when it is closed', async () => {
    const { clock, queue, written, told, room } = setUp();
    room.bytes = 0;
    queue.push(Buffer.from('a'));
    queue[Symbol.dispose]();
    room.bytes = Infinity;
    await clock.advance(100);
    expect([written, told]).toEqual([[], []]);
  });
});
