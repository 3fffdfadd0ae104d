import { closeSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@opensandbox/base';
import { afterAll, describe, expect, it } from 'vitest';
import { findProgram, openOutputDirectory, spawnGroup, tailFile } from '../src/index.ts';
import type { OutputFile, ProcessGroup } from '../src/index.ts';

const parent = mkdtempSync(join(tmpdir(), 'process-test-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

const outputs = openOutputDirectory([join(parent, 'out')]);
const never = new AbortController().signal;

function sh(command: string, file: OutputFile): Promise<ProcessGroup> {
  const env = { PATH: process.env['PATH'] ?? '/bin' };
  const plan = { file: '/bin/sh', args: ['-c', command], cwd: parent, env };
  return spawnGroup({ ...plan, stdout: file.fd, stderr: file.fd });
}

describe('spawnGroup', () => {
  it('starts a leader of its own group and session', async () => {
    const file = outputs.create('leader');
    const group = await sh("cut -d' ' -f5,6 /proc/$$/stat", file);
    expect(await group.exited).toEqual({ code: 0 });
    expect(readFileSync(file.path, 'utf8')).toBe(`${group.pid} ${group.pid}\n`);
    expect(group.isAlive()).toBe(false);
    expect(group.signal('SIGTERM')).toBe(false);
    closeSync(file.fd);
  });

  it('reaches with one signal all the group has started', async () => {
    const file = outputs.create('all');
    const group = await sh('sleep 60 & sleep 60', file);
    expect(group.signal('SIGKILL')).toBe(true);
    expect(await group.exited).toEqual({ signal: 'SIGKILL' });
    // Until the first process of this machine has reaped the orphan.
    await expect.poll(() => group.isAlive(), { timeout: 10_000 }).toBe(false);
    closeSync(file.fd);
  });

  it('rejects with what the system says when there is no such program', async () => {
    const plan = { file: '/no/program', args: [], cwd: '/', env: {}, stdout: 1, stderr: 2 };
    await expect(spawnGroup(plan)).rejects.toMatchObject({
      code: 'process.spawn_failed',
      message: 'fork/exec /no/program: no such file or directory',
    });
  });
});

describe('an output directory', () => {
  it('is private, and made anew when someone removed it', () => {
    const first = outputs.create('one');
    expect(statSync(join(first.path, '..')).mode & 0o777).toBe(0o700);
    expect(statSync(first.path).mode & 0o777).toBe(0o600);
    rmSync(join(parent, 'out'), { recursive: true });
    const second = outputs.create('two');
    expect(existsSync(second.path)).toBe(true);
    for (const file of [first, second]) closeSync(file.fd);
  });

  it('takes the first place it can write to', () => {
    using elsewhere = openOutputDirectory(['/etc/passwd/below', join(parent, 'second')]);
    const file = elsewhere.create('x');
    expect(file.path.startsWith(join(parent, 'second'))).toBe(true);
    closeSync(file.fd);
  });

  it('says when there is no place', () => {
    using nowhere = openOutputDirectory(['/etc/passwd/below']);
    expect(() => nowhere.create('x')).toThrow('no place for command output');
  });
});

describe('tailFile', () => {
  it('delivers everything written before the end, in order, and nothing later', async () => {
    const file = outputs.create('tail');
    const group = await sh('seq 1 20000; (sleep 0.2; echo late) &', file);
    const ended = new AbortController();
    void group.exited.then(() => ended.abort());
    let text = '';
    const onBytes = async (bytes: Uint8Array): Promise<void> => void (text += Buffer.from(bytes).toString());
    await tailFile({ fd: file.fd, clock: systemClock(), ended: ended.signal, onBytes }, never);
    expect(text.trimEnd().split('\n').map(Number)).toEqual(Array.from({ length: 20_000 }, (_, n) => n + 1));
    group.signal('SIGKILL');
    closeSync(file.fd);
  });

  it('stops at once when nobody listens any more', async () => {
    const file = outputs.create('stop');
    const stop = new AbortController();
    const onBytes = async (): Promise<void> => undefined;
    const source = { fd: file.fd, clock: systemClock(), ended: stop.signal, onBytes };
    const tail = tailFile(source, stop.signal);
    stop.abort();
    await tail;
    closeSync(file.fd);
  });
});

describe('findProgram', () => {
  it('finds on the path and nowhere else', () => {
    expect(findProgram('sh', '/nowhere:/bin')).toBe('/bin/sh');
    expect(findProgram('no-such-program', '/bin:/usr/bin')).toBeUndefined();
    expect(findProgram('bin', '/usr')).toBeUndefined();
    expect(findProgram('sh', '.:')).toBeUndefined();
  });
});
