import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from './support/event-lines.ts';
import { connectPty, createPty } from './support/pty-client.ts';
import { openSession } from './support/session-client.ts';
import { docker, IMAGES, startSandbox, whyNoContainers } from './support/sandbox-container.ts';

const missing = await whyNoContainers();
if (missing !== undefined) console.log(`skipped: ${missing}`);

const OWN = '/opt/opensandbox/lib';
const OWN_SHELL = [`${OWN}/ld.so`, '--library-path', OWN, `${OWN}/sh`, '/opt/opensandbox/bootstrap.sh'];

/** An image of one file, a static program that is many when it is told which. */
describe.skipIf(missing !== undefined)('a sandbox of an image without a shell', () => {
  const image = `opensandbox-test/shell-less-${process.pid}`;
  let files: string;

  beforeAll(async () => {
    files = mkdtempSync(join(tmpdir(), 'execd-shell-less-'));
    const { stdout } = await docker(['create', IMAGES[1], 'never-started']);
    await docker(['cp', '--follow-link', `${stdout.trim()}:/bin/busybox`, join(files, 'busybox')]);
    await docker(['rm', stdout.trim()]);
    const tar = join(files, 'image.tar');
    execFileSync('tar', ['-C', files, '-c', '-f', tar, 'busybox']);
    await docker(['import', tar, image]);
  });

  afterAll(async () => {
    await docker(['rmi', image]);
    rmSync(files, { recursive: true });
  });

  const start = (command: readonly string[], env: Record<string, string> = {}) =>
    startSandbox({ image, command, env, entrypoint: OWN_SHELL });

  it("has an agent that runs commands, in the agent's own shell", async () => {
    await using sandbox = await start(['/busybox', 'sleep', '1000']);
    const url = await sandbox.url();
    expect((await runCommand(url, 'for i in 1 2; do echo $i; done; /busybox id -u')).stdout).toEqual([
      '1',
      '2',
      '0',
    ]);
    expect((await runCommand(url, '/busybox id -u', { uid: 4321 })).stdout).toEqual(['4321']);
  });

  it('keeps variables and directory of a session without any program of the image', async () => {
    await using sandbox = await start(['/busybox', 'sleep', '1000']);
    const session = await openSession(await sandbox.url());
    await session.run(`export A='$x "q"
end'; unset EXECD_ENVS; cd /dev`);
    const { stdout, last } = await session.run('echo "$A|${EXECD_ENVS-unset}|$(pwd)"');
    expect(stdout).toEqual(['$x "q"', 'end|unset|/dev']);
    expect(last.type).toBe('execution_complete');
  });

  it("has terminals, on which the agent's own shell runs", async () => {
    await using sandbox = await start(['/busybox', 'sleep', '1000']);
    const url = await sandbox.url();
    const client = await connectPty(url, await createPty(url));
    client.type('[ -t 0 ] && echo te""rminal; /busybox stty size; exit 6\n');
    await client.see(/terminal\r\n24 80/);
    expect(await client.message('exit')).toEqual({ type: 'exit', exit_code: 6 });
  });

  it.each<[string, string[], Record<string, string>]>([
    ['arguments', ['/busybox', 'sh', '-c', 'echo one two; exit 5'], {}],
    ['-c and one text', ['-c', 'true && echo one two; exit 5'], {}],
    ['BOOTSTRAP_CMD', ['ignored'], { BOOTSTRAP_CMD: 'echo one two; exit 5' }],
  ])('runs the command given as %s and ends with its status', async (_name, command, env) => {
    await using sandbox = await start(command, env);
    expect(await sandbox.status()).toBe(5);
    expect(await sandbox.logs()).toContain('one two\n');
  });

  it.each([
    ['TERM', 0],
    ['INT', 130],
  ])('forwards %s to the command', async (signal, status) => {
    await using sandbox = await start(['/busybox', 'sleep', '1000']);
    await sandbox.url();
    await sandbox.kill(signal);
    expect(await sandbox.status()).toBe(status);
  });
});
