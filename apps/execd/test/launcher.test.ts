import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildLauncher } from '../launcher.ts';
import type { LauncherTarget } from '../launcher.ts';

const NATIVE: LauncherTarget = process.arch === 'arm64' ? 'arm64' : 'x64';

describe('the launcher of this machine', () => {
  let files: string;
  let launcher: string;

  beforeAll(() => {
    files = mkdtempSync(join(tmpdir(), 'execd-launcher-'));
    launcher = join(files, 'launch');
    writeFileSync(launcher, buildLauncher(NATIVE), { mode: 0o755 });
  });

  afterAll(() => rmSync(files, { recursive: true }));

  function run(...args: readonly string[]) {
    const { status, stdout, stderr } = spawnSync(launcher, args, {
      encoding: 'utf8',
      env: { FROM: 'outside' },
      cwd: files,
    });
    return { status, stdout, stderr };
  }

  it('passes name, arguments, environment and status on', () => {
    expect(run('/bin/sh', 'own name', '-c', 'echo "$0, $1, $FROM"; exit 5', 'zero', 'a b')).toEqual({
      status: 5,
      stdout: 'zero, a b, outside\n',
      stderr: '',
    });
    expect(run('/bin/cat', 'own name', '/proc/self/cmdline').stdout).toBe('own name\0/proc/self/cmdline\0');
  });

  it('sets INT and QUIT, which a shell ignores for what it starts beside it, back to their defaults', () => {
    const show = 'grep SigIgn /proc/self/status';
    const beside = (command: string) =>
      spawnSync('sh', ['-c', `${command} & wait`], { encoding: 'utf8' }).stdout;
    expect(beside(show)).toMatch(/[67ef]\n$/);
    expect(beside(`${launcher} /bin/sh sh -c '${show}'`)).toMatch(/[0189]\n$/);
  });

  it('runs a script that names no interpreter with sh', () => {
    writeFileSync(join(files, 'script'), 'echo "$0: $1"; exit 3\n', { mode: 0o755 });
    expect(run('./script', 'script', 'a b')).toEqual({ status: 3, stdout: './script: a b\n', stderr: '' });
  });

  it.each([
    ['127 for what is not there', '/no/such/file', 127],
    ['126 for a directory', '/', 126],
  ])('ends with %s, and says so', (_name, file, status) => {
    const stderr = '[bootstrap] the command cannot be executed\n';
    expect(run(file, file)).toEqual({ status, stdout: '', stderr });
  });

  it('does not crash when it is given nothing', () => {
    expect(run().status).toBe(126);
  });
});

describe('buildLauncher', () => {
  it.each<[LauncherTarget, number]>([
    ['x64', 62],
    ['arm64', 183],
  ])('for %s makes a small executable of machine %i that starts where its code is', (target, machine) => {
    const file = buildLauncher(target);
    expect(file.readUInt16LE(18)).toBe(machine);
    expect(file.length).toBeLessThan(512);
    const entry = Number(file.readBigUInt64LE(24) - file.readBigUInt64LE(64 + 16));
    expect(entry).toBe(64 + 2 * 56);
    expect(file.readBigUInt64LE(64 + 32)).toBe(BigInt(file.length));
    const texts = '/bin/sh\0[bootstrap] the command cannot be executed\n';
    expect(file.subarray(file.length - texts.length).toString('latin1')).toBe(texts);
  });
});
