import { createHash, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { captureLog, sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import {
  busyboxSpec,
  HAS_ENGINE,
  IMAGE,
  lines,
  openDockerTest,
  temporaryDirectory,
} from './docker-harness.ts';
import type { DockerTest } from './docker-harness.ts';

const { signal } = new AbortController();
const BOOTSTRAP = '#!/bin/sh\nexec "$@"\n';
/** Run in an image that wants to be the agent of everybody. */
const PLANT =
  'mkdir -p /opt/opensandbox; cd /opt/opensandbox; for f in planted execd bootstrap.sh .opensandbox-complete; do echo evil > $f; done';

/** An agent whose volume no other test has: its content is new each time. */
async function ownAgent(directory: string): Promise<string> {
  const path = join(directory, `agent-${randomUUID()}`);
  await mkdir(join(path, 'lib'), { recursive: true });
  await writeFile(join(path, 'bootstrap.sh'), BOOTSTRAP);
  await writeFile(join(path, 'execd'), `#!/bin/sh\n# ${randomUUID()}\n`);
  await writeFile(join(path, 'lib', 'loader.so'), 'loader');
  return path;
}

async function create(test: DockerTest): Promise<string> {
  const record = sampleRecord({ spec: busyboxSpec() });
  await test.driver.create(record, () => undefined, signal);
  return `sandbox-${record.id}`;
}

async function volumeOf(test: DockerTest, container: string): Promise<string> {
  const bind = await test.docker('inspect', '-f', '{{index .HostConfig.Binds 0}}', container);
  return bind.split(':')[0] ?? '';
}

const removeAll = async (test: DockerTest): Promise<void> => {
  const left = await test.leftovers();
  if (left.length > 0) await test.docker('rm', '-fv', ...left);
};

describe.skipIf(!HAS_ENGINE)('the built-in agent', () => {
  it('is written into one volume, once, whole, and shared by all sandboxes', async () => {
    await using directory = await temporaryDirectory();
    const log = captureLog();
    const rootfsDir = await ownAgent(directory.path);
    await using test = await openDockerTest({
      log,
      deps: { execd: { image: 'builtin', rootfsDir, version: 'v1' } },
    });
    const names = await Promise.all([create(test), create(test), create(test)]);
    const volumes = new Set(await Promise.all(names.map((name) => volumeOf(test, name))));
    expect(volumes.size).toBe(1);
    expect(log.count('agent.distributed')).toBe(1);
    const listed = await test.docker(
      'exec',
      names[0],
      'sh',
      '-c',
      'cd /opt/opensandbox; stat -c "%a %n" * lib/*',
    );
    // The links lead to a writable place; a package from npm has lost them, and they are made again.
    expect(lines(listed)).toEqual([
      '755 bootstrap.sh',
      '755 execd',
      '755 lib',
      '777 merged-ca-certificates.pem',
      '777 mitmproxy-ca-cert.pem',
      '755 lib/loader.so',
    ]);
    await removeAll(test);
    await test.docker('volume', 'rm', ...volumes);
  });

  it('takes nothing from the image that happens to be used first', async () => {
    await using directory = await temporaryDirectory();
    const rootfsDir = await ownAgent(directory.path);
    await using test = await openDockerTest({
      deps: { execd: { image: 'builtin', rootfsDir, version: 'v1' } },
    });
    const hostile = `opensandbox-docker-test:${randomUUID()}`;
    const base = await test.docker('create', IMAGE, 'sh', '-c', PLANT);
    await test.docker('start', '-a', base);
    await test.docker('commit', '--change', 'LABEL opensandbox.io/http-port=6379', base, hostile);
    await test.docker('rm', '-fv', base);
    try {
      const record = sampleRecord({
        spec: { ...busyboxSpec(), source: { kind: 'image', uri: hostile, auth: undefined } },
      });
      await test.driver.create(record, () => undefined, signal);
      const name = `sandbox-${record.id}`;
      expect(await test.docker('exec', name, 'cat', '/opt/opensandbox/bootstrap.sh')).toBe(BOOTSTRAP.trim());
      expect(await test.docker('exec', name, 'ls', '/opt/opensandbox')).not.toContain('planted');
      const volume = await volumeOf(test, name);
      await removeAll(test);
      await test.docker('volume', 'rm', volume);
    } finally {
      await test.docker('rmi', '-f', hostile);
    }
  });

  it('is written again when its volume was pruned behind the driver', async () => {
    await using directory = await temporaryDirectory();
    const log = captureLog();
    const rootfsDir = await ownAgent(directory.path);
    await using test = await openDockerTest({
      log,
      deps: { execd: { image: 'builtin', rootfsDir, version: 'v1' } },
    });
    const volume = await volumeOf(test, await create(test));
    await removeAll(test);
    await test.docker('volume', 'rm', volume);
    await create(test);
    expect(log.count('agent.volume_lost')).toBe(1);
    expect(log.count('agent.distributed')).toBe(2);
    await removeAll(test);
    await test.docker('volume', 'rm', volume);
  });

  it('is completed when somebody left its volume half filled', async () => {
    await using directory = await temporaryDirectory();
    const rootfsDir = await ownAgent(directory.path);
    const execd = { image: 'builtin', rootfsDir, version: 'v1' };
    await using first = await openDockerTest({ deps: { execd } });
    const name = await create(first);
    const volume = await volumeOf(first, name);
    await removeAll(first);
    const damage = 'rm /v/.opensandbox-complete /v/execd';
    await first.docker('run', '--rm', '-v', `${volume}:/v`, IMAGE, 'sh', '-c', damage);
    await using second = await openDockerTest({ deps: { execd } });
    const again = await create(second);
    expect(await second.docker('exec', again, 'sh', '-c', 'ls -A /opt/opensandbox')).toContain('execd');
    await removeAll(second);
    await second.docker('volume', 'rm', volume);
  });

  it('is written again when a file of its volume was cut short', async () => {
    await using directory = await temporaryDirectory();
    const rootfsDir = await ownAgent(directory.path);
    const execd = { image: 'builtin', rootfsDir, version: 'v1' };
    await using first = await openDockerTest({ deps: { execd } });
    const volume = await volumeOf(first, await create(first));
    await removeAll(first);
    await first.docker('run', '--rm', '-v', `${volume}:/v`, IMAGE, 'sh', '-c', 'echo x > /v/execd');
    const log = captureLog();
    await using second = await openDockerTest({ log, deps: { execd } });
    const again = await create(second);
    expect(log.count('agent.distributed')).toBe(1);
    expect(await second.docker('exec', again, 'cat', '/opt/opensandbox/execd')).toContain('#!/bin/sh');
    await removeAll(second);
    await second.docker('volume', 'rm', volume);
  });

  it('is written once by two drivers that begin at the same time', async () => {
    await using directory = await temporaryDirectory();
    const rootfsDir = await ownAgent(directory.path);
    const execd = { image: 'builtin', rootfsDir, version: 'v1' };
    const log = captureLog();
    await using first = await openDockerTest({ log, deps: { execd } });
    await using second = await openDockerTest({ log, deps: { execd } });
    const [name] = await Promise.all([create(first), create(second)]);
    expect(log.count('agent.distributed')).toBe(1);
    expect(log.count('agent.carrier_taken_over')).toBe(0);
    const volume = await volumeOf(first, name);
    await removeAll(first);
    await removeAll(second);
    await first.docker('volume', 'rm', volume);
  });

  it('is found whole by the next driver, which writes nothing', async () => {
    await using directory = await temporaryDirectory();
    const rootfsDir = await ownAgent(directory.path);
    const execd = { image: 'builtin', rootfsDir, version: 'v1' };
    await using first = await openDockerTest({ deps: { execd } });
    const volume = await volumeOf(first, await create(first));
    const log = captureLog();
    await using second = await openDockerTest({ log, deps: { execd } });
    await create(second);
    expect(log.count('agent.distributed')).toBe(0);
    await removeAll(first);
    await removeAll(second);
    await first.docker('volume', 'rm', volume);
  });

  it('is written although a process that was killed left its carrier', async () => {
    await using directory = await temporaryDirectory();
    const rootfsDir = await ownAgent(directory.path);
    const execd = { image: 'builtin', rootfsDir, version: 'v1' };
    await using first = await openDockerTest({ deps: { execd } });
    const volume = await volumeOf(first, await create(first));
    await removeAll(first);
    await first.docker(
      'create',
      '--name',
      `${volume}-carrier`,
      '-v',
      `${volume}:/opt/opensandbox`,
      IMAGE,
      'true',
    );
    await using second = await openDockerTest({ deps: { execd } });
    await create(second);
    await removeAll(second);
    await second.docker('rm', `${volume}-carrier`);
    await second.docker('volume', 'rm', volume);
  });

  it('stops the opening when it was never built', async () => {
    await using directory = await temporaryDirectory();
    const execd = { image: 'builtin', rootfsDir: directory.path, version: 'v1' };
    await expect(openDockerTest({ deps: { execd } })).rejects.toMatchObject({
      code: 'agent.distribution_failed',
      message: expect.stringContaining('npm run build') as unknown,
    });
  });
});

describe.skipIf(!HAS_ENGINE)('an agent image', () => {
  interface File {
    readonly name: string;
    readonly content: string;
  }

  /** An image with nothing but these files, as the official one has them at its root. */
  async function importImage(test: DockerTest, directory: string, files: readonly File[]) {
    const name = `opensandbox-docker-test:${randomUUID()}`;
    const tar = pack();
    for (const file of files) tar.entry({ name: file.name, mode: 0o644 }, file.content);
    tar.entry({ name: 'unique' }, name);
    tar.finalize();
    const path = join(directory, createHash('sha256').update(name).digest('hex'));
    await writeFile(path, new Readable().wrap(tar));
    const id = await test.docker('import', path, name);
    return {
      name,
      id,
      async [Symbol.asyncDispose]() {
        await test.docker('rmi', '-f', id);
      },
    };
  }

  const open = (image: string) =>
    openDockerTest({ deps: { execd: { image, rootfsDir: '/none', version: 'x' } } });

  it('gives every sandbox its agent, executable, and a writable place for its environment file', async () => {
    await using directory = await temporaryDirectory();
    await using setup = await openDockerTest();
    await using image = await importImage(setup, directory.path, [
      { name: 'execd', content: '#!/bin/sh\n' },
      { name: 'bootstrap.sh', content: '#!/bin/sh\nmkdir -p /tmp\ntouch /opt/opensandbox/.env\nexec "$@"\n' },
    ]);
    await using test = await open(image.name);
    const name = await create(test);
    const listed = await test.docker(
      'exec',
      name,
      'sh',
      '-c',
      'stat -c "%a %n" /opt/opensandbox/*; ls /tmp/.open*',
    );
    expect(lines(listed)).toEqual([
      '755 /opt/opensandbox/bootstrap.sh',
      '755 /opt/opensandbox/execd',
      '777 /opt/opensandbox/merged-ca-certificates.pem',
      '777 /opt/opensandbox/mitmproxy-ca-cert.pem',
      '/tmp/.opensandbox-env',
    ]);
    const volume = await volumeOf(test, name);
    await removeAll(test);
    await test.docker('volume', 'rm', volume);
  });

  it.each(['bootstrap.sh', 'execd'])(
    'without /%s fails the create and leaves no sandbox',
    async (missing) => {
      await using directory = await temporaryDirectory();
      await using setup = await openDockerTest();
      const files = ['bootstrap.sh', 'execd'].filter((name) => name !== missing);
      await using image = await importImage(
        setup,
        directory.path,
        files.map((name) => ({ name, content: BOOTSTRAP })),
      );
      await using test = await open(image.name);
      await expect(create(test)).rejects.toMatchObject({
        code: 'agent.distribution_failed',
        message: expect.stringContaining(`/${missing}`) as unknown,
      });
      expect(await test.leftovers()).toEqual([]);
      const volume = `opensandbox-agent-${image.id.replace('sha256:', '').slice(0, 16)}`;
      expect(await test.docker('ps', '-aq', '--filter', `name=${volume}`)).toBe('');
      await test.docker('volume', 'rm', volume);
    },
  );

  it('that cannot be pulled fails the create with its name', async () => {
    await using test = await open('127.0.0.1:1/agent:none');
    await expect(create(test)).rejects.toMatchObject({
      code: 'image.pull_failed',
      message: expect.stringContaining('127.0.0.1:1/agent:none') as unknown,
    });
    expect(await test.leftovers()).toEqual([]);
  });
});
