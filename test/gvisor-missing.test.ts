import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PROGRAM = join(import.meta.dirname, '../apps/server/bin/opensandbox-server.js');

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('a server whose engine lacks the configured runtime', () => {
  let directory: string;
  let config: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-runtime-'));
    config = join(directory, 'config.toml');
    const lines = [
      '[server]\nhost = "127.0.0.1"\nport = 1\napi_key = "k"',
      '[runtime]\ntype = "docker"',
      '[docker]\nnetwork_mode = "bridge"',
      `[store]\npath = "${join(directory, 'store.db')}"`,
      '[secure_runtime]\ntype = "kata"\ndocker_runtime = "nosuch"',
    ];
    await writeFile(config, lines.join('\n\n'));
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  function run(...args: readonly string[]): Promise<Outcome> {
    const env = { ...process.env, HOME: directory };
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [PROGRAM, ...args], { env }, (_error, stdout, stderr) =>
        resolve({ code: child.exitCode ?? -1, stdout, stderr }),
      );
    });
  }

  it('does not start, and says what the engine has and what to do', async () => {
    const { code, stderr } = await run('--config', config);
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /^opensandbox-server cannot start\. Configured Docker runtime 'nosuch' is not available\. Available runtimes: .*\brunc\b/m,
    );
    expect(stderr).toContain(
      '{"runtimes":{"nosuch":{"path":"/usr/bin/kata-runtime"}}} to /etc/docker/daemon.json',
    );
    expect(stderr).toContain('systemctl restart docker');
  });

  it('is told the same by the doctor', async () => {
    const { code, stdout } = await run('doctor', '--json', '--config', config);
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout) as {
      readonly findings: readonly {
        readonly check: string;
        readonly status: string;
        readonly advice: string;
      }[];
    };
    expect(findings.find(({ check }) => check === 'secure runtime')).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/Available runtimes: .*\brunc\b/) as unknown,
      advice: expect.stringContaining('systemctl restart docker') as unknown,
    });
  });
});
