import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@opensandbox/base';
import { afterAll, describe, expect, it } from 'vitest';
import {
  adoptGroup,
  awaitEndOf,
  findProgram,
  identifyProcess,
  isRunning,
  openOutputDirectory,
  spawnGroup,
} from '../src/index.ts';
import type { OutputFile, ProcessGroup } from '../src/index.ts';

const parent = mkdtempSync(join(tmpdir(), 'process-test-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

const outputs = openOutputDirectory([join(parent, 'out')]);

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

  it('does not use what someone else put where it was', () => {
    const [place, instead] = [join(parent, 'usurped'), join(parent, 'usurped-instead')];
    const directory = openOutputDirectory([place, instead], 'usurped');
    closeSync(directory.create('x').fd);
    rmSync(join(place, 'opensandbox-execd-usurped'), { recursive: true });
    mkdirSync(join(place, 'opensandbox-execd-usurped'));
    const file = directory.create('y');
    expect(file.path.startsWith(instead)).toBe(true);
    closeSync(file.fd);
  });

  it('says when there is no place', () => {
    using nowhere = openOutputDirectory(['/etc/passwd/below']);
    expect(() => nowhere.create('x')).toThrow('no place for command output');
  });
});

describe('an output directory with a name', () => {
  const named = (place: string): string => join(parent, place, 'opensandbox-execd-heir');

  it('is found again by the next process, in the place it was made', () => {
    const places = ['/etc/passwd/below', join(parent, 'named')];
    const first = openOutputDirectory(places, 'heir');
    expect(first.inherited).toBeUndefined();
    closeSync(first.create('x').fd);
    const next = openOutputDirectory([join(parent, 'later'), ...places], 'heir');
    expect(next.inherited).toBe(named('named'));
    const file = next.create('y');
    expect(file.path).toBe(join(named('named'), 'y'));
    closeSync(file.fd);
  });

  it.each([
    ['a link', (path: string) => symlinkSync('/tmp', path)],
    ['open to others', (path: string) => mkdirSync(path, { mode: 0o755 })],
    ['a file', (path: string) => writeFileSync(path, '')],
  ])('is not taken over, and not used, when it is %s', (kind, make) => {
    const place = kind.replaceAll(' ', '-');
    mkdirSync(join(parent, place));
    make(named(place));
    const directory = openOutputDirectory([join(parent, place), join(parent, `${place}-instead`)], 'heir');
    expect(directory.inherited).toBeUndefined();
    const file = directory.create(place);
    expect(file.path).toBe(join(named(`${place}-instead`), place));
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

describe('an adopted group', () => {
  it('is signalled as long as it is the one that was meant', async () => {
    const file = outputs.create('adopted');
    const group = await sh('sleep 60', file);
    const leader = identifyProcess(group.pid);
    if (leader === undefined) throw new Error('no /proc');
    const other = { ...leader, startedTicks: '1' };
    expect([isRunning(leader), isRunning(other)]).toEqual([true, false]);
    expect(adoptGroup(other).signal('SIGKILL')).toBe(false);
    expect(adoptGroup(leader).isAlive()).toBe(true);
    expect(adoptGroup(leader).signal('SIGKILL')).toBe(true);
    await awaitEndOf(leader, systemClock(), new AbortController().signal);
    expect(await group.exited).toEqual({ signal: 'SIGKILL' });
    expect(isRunning(leader)).toBe(false);
    await expect.poll(() => adoptGroup(leader).signal('SIGKILL'), { timeout: 10_000 }).toBe(false);
    closeSync(file.fd);
  });
});
