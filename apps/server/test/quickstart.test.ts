import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliProcess, TestHome } from './support/cli-process.ts';

const IMAGE = process.env['OPENSANDBOX_DEMO_IMAGE'] ?? 'opensandbox-demo:latest';

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home[Symbol.dispose]());

function quickstart(image: string, ...args: string[]): CliProcess {
  return new CliProcess(home, ['quickstart', ...args], { OPENSANDBOX_DEMO_IMAGE: image });
}

/** Containers of this engine that carry the label of any quickstart. */
function containersLeft(): string {
  const format = '{{.Label "opensandbox.io/instance"}}';
  const all = execFileSync('docker', [
    'ps',
    '--all',
    '--filter',
    'label=opensandbox.io/instance',
    '--format',
    format,
  ]);
  return all
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('quickstart-'))
    .join();
}

function directoriesLeft(): string[] {
  return readdirSync(home.dir).filter((name) => name.startsWith('opensandbox-quickstart-'));
}

describe('quickstart', () => {
  it('runs Python in a sandbox, cleans up and ends with 0', async () => {
    const cli = quickstart(IMAGE);
    expect(await cli.ended()).toBe(0);
    expect(cli.stdout).toMatch(/run Python in it: Python 3\.\d+\.\d+ on \S+ says 6 \* 7 = 42/);
    expect(cli.stdout).toMatch(/write a file and read it: "written through the SDK"/);
    expect(cli.stdout).toMatch(/clean up: no container is left/);
    expect(cli.stdout).not.toContain('\u001b');
    expect([cli.stderr, containersLeft(), directoriesLeft()]).toEqual(['', '', []]);
  });

  it.each([
    ['SIGTERM', /start the server/, 143],
    ['SIGINT', /create a sandbox/, 0],
  ] as const)('leaves nothing behind when %s comes after %s', async (signal, moment, code) => {
    const cli = quickstart(IMAGE);
    await cli.printed(moment);
    cli.kill(signal);
    expect(await cli.ended()).toBe(code);
    expect([containersLeft(), directoriesLeft()]).toEqual(['', []]);
  });

  it('keeps serving when told so, until it is interrupted', async () => {
    const cli = quickstart(IMAGE, '--keep');
    await cli.printed(/Try: curl/);
    const [, key = '', url = ''] = /"OPEN-SANDBOX-API-KEY: (\w+)" (\S+)/.exec(cli.stdout) ?? [];
    const answer = await fetch(url, { headers: { 'OPEN-SANDBOX-API-KEY': key } });
    expect(await answer.json()).toMatchObject({
      status: { state: 'Running' },
      metadata: { demo: 'quickstart' },
    });
    cli.kill('SIGINT');
    expect(await cli.ended()).toBe(0);
    expect(containersLeft()).toBe('');
  });

  it('says why and leaves nothing behind when the image cannot be had', async () => {
    const cli = quickstart('127.0.0.1:1/none:1');
    expect(await cli.ended()).toBe(1);
    expect(cli.stderr).toContain('127.0.0.1:1/none:1');
    expect(cli.stderr).toContain('opensandbox-server doctor');
    expect([containersLeft(), directoriesLeft()]).toEqual(['', []]);
  });
});
