import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '@opensandbox/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drainPipe, openOutputPipe, spawnGroup } from '../src/index.ts';
import type { OutputPipe, PipeSystem, ProcessGroup } from '../src/index.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'pipe-test-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const system: PipeSystem = {
  makeFifo: (path) => void execFileSync('mkfifo', ['-m', '600', path], { stdio: 'ignore' }),
  read: (fd) => new Socket({ fd, readable: true, writable: false }) as AsyncIterable<Uint8Array>,
};

interface Run {
  readonly group: ProcessGroup;
  /** Standard output, when the program has ended and all it wrote was taken. */
  readonly output: Promise<string>;
}

async function run(command: string, onBytes = (): Promise<void> => Promise.resolve()): Promise<Run> {
  const pipe = openOutputPipe(join(place, 'pipe'), system);
  const group = await sh(command, pipe);
  const ended = new AbortController();
  const pieces: Uint8Array[] = [];
  void group.exited.then(() => ended.abort());
  const output = pipe
    .deliver({
      clock: systemClock(),
      ended: ended.signal,
      async onBytes(bytes) {
        pieces.push(Uint8Array.from(bytes));
        await onBytes();
      },
    })
    .then(() => Buffer.concat(pieces).toString('latin1'));
  return { group, output };
}

async function sh(command: string, pipe: OutputPipe): Promise<ProcessGroup> {
  const fd = pipe.programFd;
  const env = { PATH: process.env['PATH'] ?? '/bin' };
  const group = await spawnGroup({
    file: '/bin/sh',
    args: ['-c', command],
    cwd: place,
    env,
    stdout: fd,
    stderr: fd,
  });
  pipe.handedOver();
  return group;
}

const openFds = (): number => readdirSync('/proc/self/fd').length;

describe('an output pipe', () => {
  it('delivers every byte, and is gone with its last writer', async () => {
    const before = openFds();
    const { output } = await run("printf 'a\\0\\377\\n'; head -c 300000 /dev/zero; printf end");
    const text = await output;
    expect(text.slice(0, 4)).toBe('a\0\xff\n');
    expect(text.length).toBe(4 + 300_000 + 3);
    expect(text.endsWith('end')).toBe(true);
    await expect.poll(() => [openFds(), readdirSync(place)]).toEqual([before, []]);
  });

  it('can be opened again by its program, as a terminal or a file can', async () => {
    const { output } = await run(
      'echo one >/dev/stdout; echo two >>/dev/stderr; echo three | tee /dev/stdout',
    );
    expect((await output).split('\n').sort()).toEqual(['', 'one', 'three', 'three', 'two']);
  });

  it('delivers nothing that was written after the program had ended, and reads on', async () => {
    const marker = join(place, 'written');
    const { group, output } = await run(
      `(sleep 0.3; head -c 1000000 /dev/zero; touch ${marker}) & echo mine`,
    );
    await group.exited;
    expect(await output).toBe('mine\n');
    expect(existsSync(marker)).toBe(false);
    await expect.poll(() => existsSync(marker), { timeout: 5000 }).toBe(true);
    rmSync(marker);
    await expect.poll(() => readdirSync(place)).toEqual([]);
  });

  it('delivers the last words of what works for the program, such as a filter of its output', async () => {
    const { output } = await run('(sleep 0.03; echo filtered) & echo mine');
    expect(await output).toBe('mine\nfiltered\n');
  });

  it('is marked also when somebody removed its name', async () => {
    const { group, output } = await run('rm pipe; sleep 60 & echo mine');
    expect(await output).toBe('mine\n');
    expect(group.signal('SIGKILL')).toBe(true);
  });

  it('ends although what the program left running never stops writing', async () => {
    const { group, output } = await run('yes & echo $! >pid; exit 0');
    expect((await output).replaceAll('y\n', '')).toMatch(/^y?$/); // megabytes: too many for a pattern that repeats
    expect(group.signal('SIGKILL')).toBe(true);
    rmSync(join(place, 'pid'));
    await expect.poll(() => readdirSync(place)).toEqual([]);
  });

  it('makes the program wait for a slow reader', async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const { group, output } = await run('head -c 5000000 /dev/zero', () => released);
    const first = await Promise.race([group.exited, pause(300, 'waits')]);
    expect(first).toBe('waits');
    release();
    expect((await output).length).toBe(5_000_000);
  });

  it('says so when its bytes could not be taken, and reads on', async () => {
    const { group, output } = await run('echo x; sleep 0.1; echo y', () =>
      Promise.reject(new Error('no room')),
    );
    await expect(output).rejects.toThrow('no room');
    expect(await group.exited).toEqual({ code: 0 });
  });

  it('leaves nothing behind when it is not used', () => {
    const before = openFds();
    openOutputPipe(join(place, 'unused'), system).discard();
    expect([openFds(), readdirSync(place)]).toEqual([before, []]);
    writeFileSync(join(place, 'taken'), '');
    expect(() => openOutputPipe(join(place, 'taken'), system)).toThrow();
    rmSync(join(place, 'taken'));
  });
});

describe('drainPipe', () => {
  it('frees what waits to write to a reader that died', async () => {
    const path = join(place, 'orphaned');
    system.makeFifo(path);
    const fd = openSync(path, 'r+');
    const plan = { file: '/bin/sh', args: ['-c', 'head -c 1000000 /dev/zero'], cwd: place };
    const group = await spawnGroup({ ...plan, env: { PATH: '/usr/bin:/bin' }, stdout: fd, stderr: fd });
    closeSync(fd);
    expect(await Promise.race([group.exited, pause(200, 'waits')])).toBe('waits');
    await drainPipe(path, system);
    expect(await group.exited).toEqual({ code: 0 });
    expect(existsSync(path)).toBe(false);
  });

  it('ends at once when nobody writes any more', async () => {
    const path = join(place, 'empty');
    system.makeFifo(path);
    await drainPipe(path, system);
    expect(existsSync(path)).toBe(false);
  });
});
