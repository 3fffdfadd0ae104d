import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from './support/event-lines.ts';
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
