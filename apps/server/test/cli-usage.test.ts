import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'smol-toml';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestHome, runCli } from './support/cli-process.ts';

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home[Symbol.dispose]());

function example(kind: string): string {
  return readFileSync(fileURLToPath(new URL(`../examples/${kind}.toml`, import.meta.url)), 'utf8');
}

describe('command line', () => {
  it.each(['--help', '-h', 'init-config -h', 'doctor --help', 'help'])(
    'prints help on standard output when asked with %s',
    async (line) => {
      const result = await runCli(home, line.split(' '));
      expect([result.code, result.stderr]).toEqual([0, '']);
      expect(result.stdout).toMatch(/^Usage: opensandbox-server/);
    },
  );

  it('prints its version', async () => {
    const result = await runCli(home, ['--version']);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string });
  });

  it.each([
    [['--nope'], /unknown option '--nope'/],
    [['nope'], /unknown command 'nope'/],
    [['init-config', '--example', 'foo'], /Allowed choices are docker, docker-zh, k8s, k8s-zh/],
    [['--config'], /argument missing/],
    [['init-config', 'a', 'b'], /too many arguments/],
  ])('ends with 2 and the usage on standard error when given %j', async (args, message) => {
    const result = await runCli(home, args);
    expect([result.code, result.stdout]).toEqual([2, '']);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toContain('Usage: ');
  });
});

describe('init-config', () => {
  it('writes the skeleton to the default path', async () => {
    const result = await runCli(home, ['init-config']);
    const path = home.path('.sandbox.toml');
    expect(result).toEqual({ code: 0, stdout: `Wrote full config skeleton to ${path}\n\n`, stderr: '' });
    expect(readFileSync(path, 'utf8')).toMatch(/^# Generated from OpenSandbox config schema\./);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each(['docker', 'docker-zh', 'k8s', 'k8s-zh'])('writes the %s example byte for byte', async (kind) => {
    const result = await runCli(home, ['init-config', '~/deep/er/x.toml', '--example', kind]);
    const path = home.path('deep/er/x.toml');
    expect(result.stdout).toBe(`Wrote example config (${kind}) to ${path}\n\n`);
    expect(readFileSync(path, 'utf8')).toBe(example(kind));
  });

  it('leaves an existing file alone unless forced', async () => {
    const path = home.write('x.toml', 'mine');
    const refused = await runCli(home, ['init-config', path]);
    expect(refused).toEqual({
      code: 1,
      stdout: `Failed to write config template: Config file already exists at ${path}. Use --force to overwrite.\n\n`,
      stderr: '',
    });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect((await runCli(home, ['init-config', path, '--force', '--example', 'docker'])).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe(example('docker'));
  });

  it('says what went wrong when the file cannot be written', async () => {
    mkdirSync(home.path('dir'));
    const result = await runCli(home, ['init-config', home.path('dir'), '--force']);
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/^Failed to write config template: EISDIR/);
  });
});

describe('examples', () => {
  it.each([
    ['docker', 'docker-zh'],
    ['k8s', 'k8s-zh'],
  ])('%s and %s say the same but for comments and registry', (plain, chinese) => {
    const values = (kind: string) =>
      JSON.stringify(parse(example(kind))).replaceAll('sandbox-registry.cn-zhangjiakou.cr.aliyuncs.com/', '');
    expect(values(chinese)).toBe(values(plain));
    expect(example(chinese)).toMatch(/# .*\p{Script=Han}/u);
  });
});
