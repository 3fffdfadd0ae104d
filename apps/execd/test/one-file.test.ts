import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadImage } from '../image/load-image.ts';
import { nativeArchitecture } from '../image/parts.ts';
import { builtImageRoot } from './support/built-agent.ts';
import { runCommand } from './support/event-lines.ts';
import { docker, IMAGES, startSandbox, whyNoContainers } from './support/sandbox-container.ts';

const missing = await whyNoContainers();
if (missing !== undefined) console.log(`skipped: ${missing}`);

/** What platforms copy out of the image into any other. */
const COPIED = ['execd', 'bootstrap.sh'];

describe('the agent as one file', () => {
  let agent: string;
  beforeAll(() => {
    agent = join(builtImageRoot(nativeArchitecture()), 'execd');
  });

  it('tells its version with the environment of an image for another C library', () => {
    const env = { LD_LIBRARY_PATH: '/nowhere', PATH: '' };
    expect(execFileSync(agent, ['--version'], { env, encoding: 'utf8' })).toMatch(/^execd \d/);
  });

  it('takes no number of an open file for granted', () => {
    const script =
      'exec 3</dev/null 4</dev/null 5</dev/null 6</dev/null 7</dev/null 8</dev/null; "$0" --version';
    // With more than nine open files, the number of a memory file has two digits.
    expect(execFileSync('sh', ['-c', script, agent], { encoding: 'utf8' })).toMatch(/^execd \d/);
  });

  it('says so when there are no memory files, and ends as what cannot be executed', () => {
    const { status, stderr } = spawnSync('bash', ['-c', 'ulimit -n 3; exec "$0" --version', agent], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({
      status: 126,
      stderr: 'execd: no memory files here, so it cannot start\n',
    });
  });

  it('is the launcher, too', () => {
    const launched = spawnSync(
      agent,
      ['--launch', '/bin/sh', 'own name', '-c', 'echo "$0 $1"; exit 5', 'a b', 'c'],
      {
        encoding: 'utf8',
      },
    );
    expect(launched).toMatchObject({ status: 5, stdout: 'a b c\n', stderr: '' });
    expect(spawnSync(agent, ['--launch', '/no/such/file', 'x']).status).toBe(127);
  });
});

describe.skipIf(missing !== undefined)('the image of the agent', () => {
  const tag = `opensandbox-test/execd-image:${process.pid}`;
  let files: string;
  let root: string;

  beforeAll(async () => {
    root = builtImageRoot(nativeArchitecture());
    files = mkdtempSync(join(tmpdir(), 'execd-image-test-'));
    chmodSync(files, 0o755);
    for (const name of COPIED) copyFileSync(join(root, name), join(files, name));
    loadImage({ architecture: nativeArchitecture(), root, tag });
  });

  afterAll(async () => {
    await docker(['rmi', '--force', tag]);
    rmSync(files, { recursive: true, force: true });
  });

  it('is for its processor and starts the agent', async () => {
    const { stdout } = await docker(['inspect', '--format={{.Architecture}} {{.Config.Entrypoint}}', tag]);
    expect(stdout.trim()).toBe(`${nativeArchitecture()} [./execd]`);
    const { stdout: printed } = await docker([
      'run',
      '--rm',
      '--label=opensandbox-test=execd',
      tag,
      '--version',
    ]);
    expect(printed).toMatch(/^execd \d/);
  });

  it('goes on running when it is told to wait with tail, so that it can be copied from', async () => {
    const label = '--label=opensandbox-test=execd';
    const { stdout } = await docker(['run', '--detach', label, tag, 'tail', '-f', '/dev/null']);
    const id = stdout.trim();
    try {
      for (const name of COPIED) await docker(['cp', `${id}:/${name}`, join(files, `${name}.copied`)]);
      expect(statSync(join(files, 'execd.copied')).mode & 0o111).toBe(0o111);
      const { stdout: running } = await docker(['inspect', '--format={{.State.Running}}', id]);
      expect(running.trim()).toBe('true');
    } finally {
      await docker(['rm', '--force', id]);
    }
  });

  it('copies its two files with its own shell, from the root', async () => {
    const copy =
      'mkdir -p /opt/opensandbox && cp ./execd /opt/opensandbox/execd && cp ./bootstrap.sh /opt/opensandbox/bootstrap.sh' +
      ' && chmod +x /opt/opensandbox/execd /opt/opensandbox/bootstrap.sh && /opt/opensandbox/execd --version';
    const run = ['run', '--rm', '--label=opensandbox-test=execd', '--entrypoint=/bin/sh', tag, '-c', copy];
    expect((await docker(run)).stdout).toMatch(/^execd \d/);
  });

  beforeEach(() => rmSync(join(files, '.env'), { force: true }));

  describe.each(IMAGES)('copied into %s', (image) => {
    const kinds: [string, string, string[]][] = [
      ['as root', 'rw', []],
      ['with nothing to write to and rights of nobody', 'ro', ['--user=65534:65534', '--read-only']],
      ['on a read-only root with /tmp', 'ro', ['--read-only', '--tmpfs=/tmp']],
    ];
    it.each(kinds)('runs commands %s', async (_name, mode, flags) => {
      await using sandbox = await startSandbox({
        image,
        command: ['sleep', '1000'],
        flags,
        layout: `${files}:/opt/opensandbox:${mode}`,
      });
      const url = await sandbox.url();
      expect((await runCommand(url, 'echo one; echo two')).stdout).toEqual(['one', 'two']);
      const isRoot = !flags.some((flag) => flag.startsWith('--user'));
      if (isRoot) expect((await runCommand(url, 'id -u', { uid: 4321 })).stdout).toEqual(['4321']);
      const hasTmp = flags.length !== 2;
      if (hasTmp) {
        await runCommand(url, 'echo KEPT=yes >>"$EXECD_ENVS"');
        expect((await runCommand(url, 'echo $KEPT')).stdout).toEqual(['yes']);
      }
      const ignored = await sandbox.exec(
        'sh',
        '-c',
        'for p in /proc/[0-9]*; do cat $p/comm; grep SigIgn $p/status; done 2>/dev/null; true',
      );
      expect(ignored).toMatch(/^sleep\nSigIgn:\t0{16}$/m);
    });
  });
});
