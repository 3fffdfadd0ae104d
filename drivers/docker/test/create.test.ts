import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerInspect } from '../src/engine/answers.ts';
import type { Observation, SandboxId, SandboxRecord, SandboxSpec } from '@opensandbox/core/ports';
import { sandboxId } from '@opensandbox/core/ports';
import { sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest, DockerTestOptions } from './docker-harness.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);

type Inspect = ContainerInspect & {
  readonly Config: { readonly Entrypoint: string[]; readonly Env: string[] };
  readonly HostConfig: Record<string, unknown>;
};

async function withDriver(
  options: DockerTestOptions,
  body: (test: DockerTest) => Promise<void>,
): Promise<void> {
  await using test = await openDockerTest(options);
  await body(test);
  const left = await test.leftovers();
  await Promise.all(left.map((container) => test.docker('rm', '-fv', container)));
}

async function create(
  test: DockerTest,
  spec: Partial<SandboxSpec> = {},
  change: Partial<SandboxRecord> = {},
) {
  const record = sampleRecord({ spec: busyboxSpec(spec), createdAt: Date.now(), ...change });
  const seen = await test.driver.create(record, () => undefined, signal);
  const inspect = JSON.parse(await test.docker('inspect', `sandbox-${record.id}`)) as [Inspect];
  return { record, seen, inspect: inspect[0] };
}

async function until(
  test: DockerTest,
  id: SandboxId,
  holds: (seen: Observation) => boolean,
): Promise<Observation> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const seen = await test.driver.inspect(id, signal);
    if (seen !== undefined && holds(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('the sandbox never came into the state');
}

describe.skipIf(!HAS_ENGINE)('create on a Docker engine', () => {
  it('makes the container that the contract describes', () =>
    withDriver({}, async (test) => {
      const resources = { cpuMillis: 500, memoryBytes: 512 << 20, gpus: undefined };
      const { record, inspect } = await create(
        test,
        { resources, entrypoint: ['tail', '-f', '/dev/null'] },
        { metadata: { hello: 'world' }, expiresAt: Date.UTC(2031, 0, 1) },
      );
      expect(inspect.Name).toBe(`/sandbox-${record.id}`);
      expect(inspect.State.Status).toBe('running');
      expect(inspect.Config.Entrypoint).toEqual(['/opt/opensandbox/bootstrap.sh']);
      expect(inspect.Config.Cmd).toEqual(['tail', '-f', '/dev/null']);
      // An empty label hides what an image may carry; it counts as absent.
      const labels = Object.entries(inspect.Config.Labels ?? {}).filter(([, value]) => value !== '');
      expect(Object.fromEntries(labels)).toEqual({
        hello: 'world',
        'opensandbox.io/id': record.id,
        'opensandbox.io/expires-at': '2031-01-01T00:00:00+00:00',
        'opensandbox.io/image': 'opensandbox-test/busybox:latest',
        'opensandbox.io/instance': test.instance,
      });
      expect(inspect.HostConfig).toMatchObject({
        NanoCpus: 500_000_000,
        Memory: 536_870_912,
        PidsLimit: 4096,
        SecurityOpt: ['no-new-privileges:true'],
        RestartPolicy: { Name: '' },
      });
      expect(inspect.HostConfig['CapDrop']).toHaveLength(9);
    }));

  it('runs a single shell line as words, and passes the environment on in order', () =>
    withDriver({}, async (test) => {
      const env = [
        ['A', 'x'],
        ['B', ''],
      ] as const;
      const line = { ...busyboxSpec(), entrypoint: ['tail -f "/dev/null"'] };
      const { entrypoint } = await test.driver.admit(line, signal);
      const { inspect } = await create(test, { entrypoint, env });
      expect(inspect.Config.Cmd).toEqual(['tail', '-f', '/dev/null']);
      expect(inspect.Config.Env.slice(0, 2)).toEqual(['A=x', 'B=']);
    }));

  it('shows the agent read-only, executable and owned by root', () =>
    withDriver({}, async (test) => {
      const { record } = await create(test);
      const name = `sandbox-${record.id}`;
      const listed = await test.docker('exec', name, 'sh', '-c', 'stat -c "%a %u %n" /opt/opensandbox/*');
      expect(listed.split('\n')).toEqual([
        '755 0 /opt/opensandbox/bootstrap.sh',
        '755 0 /opt/opensandbox/execd',
        '777 0 /opt/opensandbox/merged-ca-certificates.pem',
        '777 0 /opt/opensandbox/mitmproxy-ca-cert.pem',
      ]);
      await expect(test.docker('exec', name, 'sh', '-c', 'echo x > /opt/opensandbox/new')).rejects.toThrow(
        /Read-only/,
      );
    }));

  it('publishes both ports on the address it was told, and tells where', () =>
    withDriver({}, async (test) => {
      const { record, seen } = await create(test);
      const printed = await test.docker('port', `sandbox-${record.id}`, '44772');
      expect(seen.reach).toMatchObject({ kind: 'mapped', host: '127.0.0.1' });
      const port = seen.reach.kind === 'mapped' ? seen.reach.ports[44772] : 0;
      expect(printed).toBe(`127.0.0.1:${port}`);
    }));

  it('runs what exits at once, and tells 127 when the command does not exist', () =>
    withDriver({}, async (test) => {
      const { record } = await create(test, { entrypoint: ['nope'] });
      expect(await until(test, record.id, (seen) => seen.phase === 'exited')).toMatchObject({
        exitCode: 127,
      });
    }));

  it('keeps an image user and working directory', () =>
    withDriver({}, async (test) => {
      await using image = await derivedImage(test, ['USER 1234', 'WORKDIR /tmp']);
      const { record } = await create(test, { source: { kind: 'image', uri: image.name, auth: undefined } });
      expect(await test.docker('exec', `sandbox-${record.id}`, 'sh', '-c', 'id -u; pwd')).toBe('1234\n/tmp');
      await test.driver.destroy(record.id, signal);
    }));

  it('makes anew what an earlier attempt created and never started', () =>
    withDriver({}, async (test) => {
      const record = sampleRecord({ spec: busyboxSpec() });
      const labels = [`opensandbox.io/id=${record.id}`, `opensandbox.io/instance=${test.instance}`];
      const flags = labels.flatMap((label) => ['--label', label]);
      const name = `sandbox-${record.id}`;
      const image = record.spec.source.kind === 'image' ? record.spec.source.uri : '';
      const halfway = await test.docker('create', '--name', name, ...flags, image, 'true');
      const seen = await test.driver.create(record, () => undefined, signal);
      expect(seen.phase).toBe('running');
      const left = await test.leftovers();
      expect(left).toHaveLength(1);
      expect(halfway.startsWith(left[0] ?? '')).toBe(false);
    }));

  it('does not create on an image without a shell, or tells how it ended', () =>
    withDriver({}, async (test) => {
      await using image = await emptyImage(test);
      const spec = { source: { kind: 'image', uri: image.name, auth: undefined } } as const;
      const record = sampleRecord({ spec: busyboxSpec(spec) });
      const outcome = await test.driver
        .create(record, () => undefined, signal)
        .catch((error: unknown) => error);
      if (outcome instanceof Error) {
        expect(outcome).toMatchObject({ code: 'sandbox.start_failed' });
        expect(await test.leftovers()).toEqual([]);
      } else {
        const seen = await until(test, record.id, (now) => now.phase === 'exited');
        expect(seen.exitCode).not.toBe(0);
        await test.driver.destroy(record.id, signal);
      }
    }));

  it.each([
    ['too little memory', { cpuMillis: undefined, memoryBytes: 1_000_000, gpus: undefined }],
    ['more processors than there are', { cpuMillis: 4_000_000, memoryBytes: undefined, gpus: undefined }],
    ['a missing graphics card', { cpuMillis: undefined, memoryBytes: undefined, gpus: 1 }],
  ])('passes on why the engine refuses %s, and leaves nothing', (_, resources) =>
    withDriver({}, async (test) => {
      const failing = create(test, { resources });
      await expect(failing).rejects.toMatchObject({
        code: 'sandbox.start_failed',
        message: expect.stringMatching(/^Failed to create or start container: \S/) as unknown,
      });
      expect(await test.leftovers()).toEqual([]);
    }),
  );

  it('hands a seccomp profile to the engine as text', async () => {
    await using directory = await temporaryDirectory();
    const profile = join(directory.path, 'seccomp.json');
    await writeFile(profile, '{"defaultAction": "SCMP_ACT_ALLOW"}');
    await withDriver({ section: { seccomp_profile: profile } }, async (test) => {
      const { inspect } = await create(test);
      expect(inspect.HostConfig['SecurityOpt']).toContain('seccomp={"defaultAction":"SCMP_ACT_ALLOW"}');
    });
    const missing = openDockerTest({ section: { seccomp_profile: '/none/seccomp.json' } });
    await expect(missing).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('seccomp') as unknown,
    });
  });
});

describe.skipIf(!HAS_ENGINE)('networks', () => {
  it('joins a user-defined network whatever the case of its name', async () => {
    const network = `Lab-${randomUUID()}`;
    await withDriver({ section: { network_mode: network } }, async (test) => {
      await expect(test.driver.admit(busyboxSpec(), signal)).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringContaining(`Docker network '${network}' does not exist`) as unknown,
      });
      await test.docker('network', 'create', network);
      try {
        await test.driver.admit(busyboxSpec(), signal);
        const { record, seen, inspect } = await create(test);
        expect(inspect.HostConfig['NetworkMode']).toBe(network);
        expect(seen.reach).toMatchObject({
          kind: 'mapped',
          privateHost: inspect.NetworkSettings?.Networks?.[network]?.IPAddress,
        });
        await test.driver.destroy(record.id, signal);
      } finally {
        await test.docker('network', 'rm', network);
      }
    });
  });

  it('publishes nothing in host mode', () =>
    withDriver({ section: { network_mode: 'host' } }, async (test) => {
      const { seen, inspect } = await create(test);
      expect(seen.reach).toEqual({ kind: 'host', host: '127.0.0.1' });
      expect(inspect.NetworkSettings?.Ports).toEqual({});
    }));
});

describe.skipIf(!HAS_ENGINE)('containers of other servers', () => {
  it('are read from their labels alone', () =>
    withDriver({}, async (test) => {
      const id = sandboxId(randomUUID());
      const labels = [`id=${id}`, `instance=${test.instance}`, 'expires-at=garbage'];
      const flags = labels.flatMap((label) => ['--label', `opensandbox.io/${label}`]);
      await test.docker(
        'create',
        ...flags,
        '--label',
        'team=infra',
        'opensandbox-test/busybox:latest',
        'sleep',
        '9',
      );
      expect(await test.driver.inspect(id, signal)).toMatchObject({
        id,
        phase: 'starting',
        claim: { expiresAt: undefined, metadata: { team: 'infra' } },
      });
      await test.driver.destroy(id, signal);
      expect(await test.leftovers()).toEqual([]);
    }));

  it('take their metadata from the override file', async () => {
    await using directory = await temporaryDirectory();
    await withDriver({ deps: { metadataDir: directory.path } }, async (test) => {
      const { record } = await create(test, {}, { metadata: { a: '1' } });
      await writeFile(join(directory.path, `${record.id}.json`), '{"b":"2"}');
      expect((await test.driver.inspect(record.id, signal))?.claim?.metadata).toEqual({ b: '2' });
    });
  });

  it('are left alone when they carry another instance name', () =>
    withDriver({}, async (mine) => {
      await withDriver({}, async (other) => {
        const { record } = await create(other);
        expect(await mine.driver.inspect(record.id, signal)).toBeUndefined();
        await mine.driver.destroy(record.id, signal);
        expect(await other.driver.inspect(record.id, signal)).toMatchObject({ phase: 'running' });
      });
    }));
});

describe.skipIf(!HAS_ENGINE)('destroy on a Docker engine', () => {
  it('takes the anonymous volumes of the image along', () =>
    withDriver({}, async (test) => {
      await using image = await derivedImage(test, ['VOLUME /anon']);
      const before = await test.docker('volume', 'ls', '-q', '--filter', 'dangling=true');
      const { record, inspect } = await create(test, {
        source: { kind: 'image', uri: image.name, auth: undefined },
      });
      const mounts = (inspect as unknown as { Mounts: { Name?: string; Destination: string }[] }).Mounts;
      const anonymous = mounts.find((mount) => mount.Destination === '/anon')?.Name ?? '';
      expect(anonymous).not.toBe('');
      await test.driver.destroy(record.id, signal);
      expect(await test.docker('volume', 'ls', '-q')).not.toContain(anonymous);
      expect(before).not.toContain(anonymous);
    }));

  it('works on a sandbox whose image is gone', () =>
    withDriver({}, async (test) => {
      await using image = await derivedImage(test, ['ENV X=1']);
      const source = { kind: 'image', uri: image.name, auth: undefined } as const;
      const { record } = await create(test, { source, entrypoint: ['true'] });
      await until(test, record.id, (seen) => seen.phase === 'exited');
      await test.docker('rmi', '-f', image.name);
      expect(await test.driver.inspect(record.id, signal)).toMatchObject({
        exitCode: 0,
        claim: { spec: { source } },
      });
      await test.driver.destroy(record.id, signal);
      expect(await test.leftovers()).toEqual([]);
    }));

  it('removes what belongs to the sandbox besides its container', () =>
    withDriver({}, async (test) => {
      const { record } = await create(test);
      const owner = `opensandbox.io/owned-by=${record.id}`;
      const side = `opensandbox.io/egress-sidecar-for=${record.id}`;
      await test.docker('volume', 'create', '--label', owner, `own-${record.id}`);
      await test.docker('create', '--label', side, 'opensandbox-test/busybox:latest', 'true');
      await test.driver.destroy(record.id, signal);
      expect(await test.docker('volume', 'ls', '-q', '--filter', `label=${owner}`)).toBe('');
      expect(await test.docker('ps', '-aq', '--filter', `label=${side}`)).toBe('');
    }));

  it('lets twenty be created, listed and removed at once', () =>
    withDriver({}, async (test) => {
      const all = await Promise.all(Array.from({ length: 20 }, () => create(test)));
      await Promise.all(
        all.map(async ({ record }) => {
          await test.driver.destroy(record.id, signal);
          await test.driver.inspect(record.id, signal);
        }),
      );
      expect(await test.leftovers()).toEqual([]);
    }));
});

/** An image of the busybox one with changes, as `docker commit` takes them. */
async function derivedImage(test: DockerTest, changes: readonly string[]) {
  const name = `opensandbox-docker-test:${randomUUID()}`;
  const container = await test.docker('create', 'opensandbox-test/busybox:latest', 'sleep', '60');
  const commit = changes.flatMap((change) => ['-c', change]);
  const id = await test.docker('commit', ...commit, container, name);
  await test.docker('rm', '-v', container);
  return removable(test, name, id);
}

/** An image with a single file that is no program. */
async function emptyImage(test: DockerTest) {
  const name = `opensandbox-docker-test:${randomUUID()}`;
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'nothing.tar');
  const { pack } = await import('tar-stream');
  const tar = pack();
  tar.entry({ name: 'note.txt' }, 'no shell here');
  tar.finalize();
  await writeFile(file, tar);
  const id = await test.docker('import', file, name);
  return removable(test, name, id);
}

function removable(test: DockerTest, name: string, id: string): AsyncDisposable & { readonly name: string } {
  return {
    name,
    async [Symbol.asyncDispose]() {
      await test.docker('rmi', '-f', id);
    },
  };
}
