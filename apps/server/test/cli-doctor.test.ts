import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestHome, freePort, runCli } from './support/cli-process.ts';

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home[Symbol.dispose]());

interface Report {
  readonly ok: boolean;
  readonly findings: readonly { readonly check: string; readonly status: string; readonly advice?: string }[];
}

describe('doctor', () => {
  it('tells what is missing, with advice, and ends with 1', async () => {
    const path = home.write('s.toml', '[server]\nport = 0\n[runtime]\ntype = "docker"\n');
    const env = { DOCKER_HOST: `unix://${home.path('nowhere.sock')}` };
    const result = await runCli(home, ['--config', path, 'doctor', '--json'], env);
    const report = JSON.parse(result.stdout) as Report;
    expect([result.code, report.ok]).toEqual([1, false]);
    const failed = report.findings.filter((finding) => finding.status === 'fail');
    expect(failed.map((finding) => finding.check)).toEqual(['config', 'engine']);
    expect(failed.every((finding) => (finding.advice ?? '') !== '')).toBe(true);
  });

  it('is content with the fake runtime and needs no engine', async () => {
    const text = `[server]\nhost = "127.0.0.1"\nport = ${await freePort()}\napi_key = "hunter2"\n[runtime]\ntype = "fake"\n`;
    const env = { DOCKER_HOST: `unix://${home.path('nowhere.sock')}` };
    const result = await runCli(home, ['--config', home.write('s.toml', text), 'doctor'], env);
    expect([result.code, result.stderr]).toEqual([0, '']);
    expect(result.stdout).toMatch(/^ok {4}config/m);
    expect(result.stdout).not.toContain('hunter2');
    expect(result.stdout).not.toContain('\u001b');
  });

  it('finds the real engine and its network', async () => {
    const text = `[server]\nhost = "127.0.0.1"\nport = ${await freePort()}\napi_key = "k"\n[runtime]\ntype = "docker"\n[docker]\nnetwork_mode = "bridge"\n`;
    const result = await runCli(home, ['--config', home.write('s.toml', text), 'doctor', '--json']);
    const report = JSON.parse(result.stdout) as Report;
    const status = (check: string) => report.findings.find((finding) => finding.check === check)?.status;
    expect([status('engine'), status('network'), status('port'), status('store')]).toEqual([
      'ok',
      'ok',
      'ok',
      'ok',
    ]);
  });
});
