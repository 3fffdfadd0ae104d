import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxRecord, SandboxSpec } from '@opensandbox/core/ports';
import { sampleRecord } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, IMAGE, lines, openDockerTest, SOCKET } from './docker-harness.ts';
import { dockerCli, standInAgent, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest, DockerTestOptions } from './docker-harness.ts';
import { normaliseWindows } from './normalise-windows.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from './own-engine.ts';
import { HAS_REGISTRY, startRegistry } from './registry.ts';

const { signal } = new AbortController();
const HAS_DEVICES = ['/dev/kvm', '/dev/net/tun'].every((path) => existsSync(path));
const docker = dockerCli(SOCKET);
const tag = (name: string): string => `opensandbox-docker-test:${name}-${randomUUID()}`;

/** A virtual machine's image in nothing but its form: what its entrypoint is, it keeps. */
const GUEST_IMAGE = tag('windows');
const AGENT_IMAGE = tag('windows-agent');
const BROKEN_IMAGE = tag('windows-broken');
const AGENT = randomBytes(3 << 20);

function windowsSpec(change: Partial<SandboxSpec> = {}): SandboxSpec {
  return busyboxSpec({
    source: { kind: 'image', uri: GUEST_IMAGE, auth: undefined },
    platform: { os: 'windows', arch: 'amd64' },
    entrypoint: ['keep this line'],
    env: [['VERSION', '11']],
    resources: { cpuMillis: 4000, memoryBytes: 8 << 30, gpus: undefined },
    resourceLimits: { cpu: '4', memory: '8G', disk: '64G' },
    ...change,
  });
}

async function open(image = AGENT_IMAGE, options: DockerTestOptions = {}): Promise<DockerTest> {
  const execd = { image, rootfsDir: await standInAgent(), version: 'docker-test-stand-in' };
  const deps = { execd, ...options.deps };
  return openDockerTest({ ...options, deps });
}

const made: string[] = [];

function recordOf(change: Partial<SandboxRecord>): SandboxRecord {
  const record = sampleRecord(change);
  made.push(record.id);
  return record;
}

const volumeOf = (id: string): string => `opensandbox-win-oem-${id}`;

async function hasVolume(id: string): Promise<boolean> {
  return lines(await docker('volume', 'ls', '-q')).includes(volumeOf(id));
}

const carriers = (test: DockerTest): Promise<string> =>
  docker('ps', '-aq', '--filter', `label=opensandbox.io/carrier-instance=${test.instance}`);

describe.skipIf(!HAS_ENGINE || !HAS_DEVICES)(
  'Windows sandboxes (skipped without /dev/kvm and /dev/net/tun)',
  () => {
    let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

    beforeAll(async () => {
      directory = await temporaryDirectory();
      const commit = async (image: string, files: readonly string[], ...changes: string[]): Promise<void> => {
        const container = await docker('create', IMAGE, 'true');
        for (const file of files) await docker('cp', file, `${container}:/`);
        await docker('commit', ...changes.flatMap((change) => ['-c', change]), container, image);
        await docker('rm', '-v', container);
      };
      await writeFile(join(directory.path, 'execd.exe'), AGENT);
      await commit(AGENT_IMAGE, [join(directory.path, 'execd.exe')]);
      await commit(GUEST_IMAGE, [], 'ENTRYPOINT ["/bin/sh", "-c", "echo \\"got: $0\\"; exec sleep 600"]');
      await commit(BROKEN_IMAGE, [], 'ENTRYPOINT ["/no/such/program"]');
    });

    afterAll(async () => {
      const left = new Set(lines(await docker('volume', 'ls', '-q')));
      for (const volume of made.map(volumeOf)) if (left.has(volume)) await docker('volume', 'rm', volume);
      await docker('rmi', '-f', AGENT_IMAGE, GUEST_IMAGE, BROKEN_IMAGE);
      await directory[Symbol.asyncDispose]();
    });

    it('have their devices, their size, their ports and the files that Windows is set up with', async () => {
      await using test = await open();
      const spec = await test.driver.admit(windowsSpec(), signal);
      const record = recordOf({ spec });
      const { reach, claim } = await test.driver.create(record, () => undefined, signal);
      const name = `sandbox-${record.id}`;
      const [inspect] = JSON.parse(await docker('inspect', name)) as [object];
      const recorded = `${JSON.stringify(normaliseWindows(inspect, { id: record.id, image: GUEST_IMAGE, instance: test.instance }), undefined, 2)}\n`;
      await expect(recorded).toMatchFileSnapshot('../src/fixtures/docker-20.10-windows.json');

      expect(Object.keys(reach.kind === 'mapped' ? reach.ports : {}).map(Number)).toEqual([
        3389, 8006, 8080, 44772,
      ]);
      expect(lines(await docker('port', name)).filter((line) => line.startsWith('3389/udp'))).toHaveLength(1);
      expect(claim?.spec.platform).toEqual({ os: 'windows', arch: 'amd64' });
      expect(await docker('logs', name)).toBe('got: keep this line');

      const listed = await docker(
        'exec',
        name,
        'busybox',
        'stat',
        '-c',
        '%a %u %n',
        '/oem/execd.exe',
        '/oem/install.bat',
      );
      expect(lines(listed)).toEqual(['644 0 /oem/execd.exe', '644 0 /oem/install.bat']);
      const copy = join(directory.path, 'copy');
      await docker('cp', `${name}:/oem/execd.exe`, copy);
      expect(AGENT.equals(await readFile(copy))).toBe(true);
      expect(await docker('exec', name, 'cat', '/oem/install.bat')).toContain('localport=44772');
      expect(
        await docker('exec', name, 'sh', '-c', 'test -c /dev/kvm && test -c /dev/net/tun && echo both'),
      ).toBe('both');
      await expect(docker('exec', name, 'test', '-e', '/opt/opensandbox')).rejects.toThrow();

      expect(await carriers(test)).toBe('');
      await test.driver.destroy(record.id, signal);
      expect(await test.leftovers()).toEqual([]);
      expect(await hasVolume(record.id)).toBe(false);
    });

    it('are adopted when a create is repeated, with the volume they have', async () => {
      await using test = await open();
      const record = recordOf({ spec: windowsSpec() });
      await test.driver.create(record, () => undefined, signal);
      const [first] = await test.leftovers();
      await test.driver.create(record, () => undefined, signal);
      expect(await test.leftovers()).toEqual([first]);
      expect(await hasVolume(record.id)).toBe(true);
      await test.driver.destroy(record.id, signal);
      expect(await hasVolume(record.id)).toBe(false);
    });

    it('leave nothing when they cannot be started', async () => {
      await using test = await open();
      const source = { kind: 'image', uri: BROKEN_IMAGE, auth: undefined } as const;
      const record = recordOf({ spec: windowsSpec({ source }) });
      await expect(test.driver.create(record, () => undefined, signal)).rejects.toMatchObject({
        code: 'sandbox.start_failed',
      });
      expect(await test.leftovers()).toEqual([]);
      expect(await hasVolume(record.id)).toBe(false);
    });

    it('leave nothing when nobody waits for them any more', async () => {
      await using test = await open();
      const record = recordOf({ spec: windowsSpec() });
      const leaving = new AbortController();
      const creating = test.driver.create(
        record,
        (progress) => {
          if (progress.step === 'create') setImmediate(() => leaving.abort());
        },
        leaving.signal,
      );
      await expect(creating).rejects.toThrow();
      expect(await test.leftovers()).toEqual([]);
      expect(await hasVolume(record.id)).toBe(false);
    });

    it('say which image lacks the agent for Windows, and leave nothing', async () => {
      await using test = await open(IMAGE);
      const record = recordOf({ spec: windowsSpec() });
      await expect(test.driver.create(record, () => undefined, signal)).rejects.toMatchObject({
        code: 'agent.distribution_failed',
        message: expect.stringContaining(`The agent image ${IMAGE} holds no file /execd.exe`) as unknown,
      });
      expect(await test.leftovers()).toEqual([]);
      expect(await carriers(test)).toBe('');
      expect(await hasVolume(record.id)).toBe(false);
    });

    it('take the volume along that another server made for them', async () => {
      await using test = await open();
      const { id } = recordOf({});
      const labels = [`id=${id}`, `instance=${test.instance}`, 'platform-os=windows', 'platform-arch=amd64'];
      const flags = labels.flatMap((label) => ['--label', `opensandbox.io/${label}`]);
      await docker('create', ...flags, '-v', `${volumeOf(id)}:/oem:rw`, IMAGE, 'true');
      expect(await hasVolume(id)).toBe(true);
      await test.driver.destroy(id, signal);
      expect(await test.leftovers()).toEqual([]);
      expect(await hasVolume(id)).toBe(false);
    });

    it.skipIf(!CAN_OWN_ENGINE)(
      'say what the host of a far engine lacks, and leave nothing',
      { timeout: 120_000 },
      async () => {
        await using place = await temporaryDirectory();
        const hide = 'ip link set lo up && mount -t tmpfs none /dev/net && exec "$0" "$@"';
        const through = ['unshare', '--net', '--mount', '--', 'sh', '-c', hide];
        const images = [GUEST_IMAGE, AGENT_IMAGE];
        await using engine = await openOwnEngine(place.path, { through, images });
        await using test = await open(AGENT_IMAGE, { socket: engine.socket });
        const record = recordOf({ spec: windowsSpec() });
        await expect(test.driver.create(record, () => undefined, signal)).rejects.toMatchObject({
          code: 'sandbox.start_failed',
          message: expect.stringContaining('/dev/net/tun') as unknown,
        });
        expect(await test.leftovers()).toEqual([]);
        expect(await test.docker('volume', 'ls', '-q', '--filter', 'name=win-oem')).toBe('');
      },
    );

    it.skipIf(!HAS_REGISTRY)('pull the agent image when the engine does not have it', async () => {
      await using registryDirectory = await temporaryDirectory();
      await using registry = await startRegistry(registryDirectory.path);
      const uri = `${registry.host}/agents/windows:v1`;
      await docker('tag', AGENT_IMAGE, uri);
      await docker('--config', registry.cliConfig, 'push', uri);
      await docker('rmi', uri);
      const env = { DOCKER_HOST: `unix://${SOCKET}`, DOCKER_CONFIG: registry.cliConfig };
      await using test = await open(uri, { deps: { env } });
      const record = recordOf({ spec: windowsSpec() });
      await test.driver.create(record, () => undefined, signal);
      const size = await docker(
        'exec',
        `sandbox-${record.id}`,
        'busybox',
        'busybox',
        'stat',
        '-c',
        '%s',
        '/oem/execd.exe',
      );
      expect(Number(size)).toBe(AGENT.length);
      await test.driver.destroy(record.id, signal);
      await docker('rmi', '-f', uri);
    });
  },
);
