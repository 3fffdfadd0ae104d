import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { silentLogger, systemClock } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { clearOldVolumes } from '../src/agent/clearing.ts';
import { readConnection } from '../src/engine/connection.ts';
import { createEngine } from '../src/engine/engine.ts';
import { openTransport } from '../src/engine/transport.ts';
import { dockerCli, HAS_ENGINE, IMAGE, SOCKET } from './docker-harness.ts';

const { signal } = new AbortController();
const DIR = '/opt/opensandbox';
const LABELS = { 'opensandbox.io/auxiliary': 'agent' };

/** A volume and a container that mounts it and was never started. */
async function openCarrier() {
  const transport = openTransport(readConnection({ DOCKER_HOST: `unix://${SOCKET}` }), '1.41', systemClock());
  const engine = createEngine(transport, 20_000);
  const volume = `opensandbox-agent-${randomUUID()}`;
  await engine.createVolume(volume, LABELS, signal);
  const draft = {
    Image: IMAGE,
    Entrypoint: ['/never-started'],
    Labels: {},
    HostConfig: { NetworkMode: 'none', Binds: [`${volume}:${DIR}:nocopy`] },
  };
  const plan = { name: `${volume}-carrier`, platform: undefined, draft };
  const carrier = await engine.createContainer(plan, signal);
  const docker = dockerCli(SOCKET);
  return {
    engine,
    volume,
    carrier,
    docker,
    async [Symbol.asyncDispose]() {
      await docker('rm', '-f', carrier).catch(() => undefined);
      await docker('volume', 'rm', '-f', volume);
      transport[Symbol.dispose]();
    },
  };
}

/* What the filling of agent volumes takes for granted about an engine. */
describe.skipIf(!HAS_ENGINE)('the engine', () => {
  it('tells the size of a file, and that there is none', async () => {
    await using test = await openCarrier();
    const tar = pack();
    tar.entry({ name: 'execd' }, 'hello');
    tar.finalize();
    await test.engine.writeArchive(test.carrier, { path: DIR, tar: new Readable().wrap(tar) }, signal);
    expect(await test.engine.fileSize(test.carrier, `${DIR}/execd`, signal)).toBe(5);
    await expect(test.engine.fileSize(test.carrier, `${DIR}/none`, signal)).rejects.toMatchObject({
      kind: 'not_found',
    });
  });

  it('lets the removal of a container wait until nobody writes through it, and then lets nobody write', async () => {
    await using test = await openCarrier();
    const events: string[] = [];
    const tar = pack();
    const entry = tar.entry({ name: 'execd', size: 2 << 20 });
    entry.write(Buffer.alloc(1 << 20));
    const file = { path: DIR, tar: new Readable().wrap(tar) };
    const writing = test.engine.writeArchive(test.carrier, file, signal).then(() => events.push('written'));
    // The writing has begun when the engine holds back whoever else looks.
    await expect
      .poll(
        async () => {
          const soon = AbortSignal.timeout(1_000); // longer than a busy engine takes to answer
          return test.engine.fileSize(test.carrier, `${DIR}/execd`, soon).then(
            () => 'answered',
            (error: unknown) => (soon.aborted ? 'held back' : String(error)),
          );
        },
        { timeout: 20_000 },
      )
      .toBe('held back');
    const removing = test.engine.removeContainer(test.carrier, signal).then(() => events.push('removed'));
    entry.write(Buffer.alloc(1 << 20));
    entry.end();
    tar.finalize();
    await Promise.all([writing, removing]);
    expect(events).toEqual(['written', 'removed']);
    const late = { path: DIR, tar: Readable.from([Buffer.alloc(1024)]) };
    await expect(test.engine.writeArchive(test.carrier, late, signal)).rejects.toMatchObject({
      kind: 'not_found',
    });
  });

  it('keeps an old agent volume that is in use, and removes it when it is not', async () => {
    await using test = await openCarrier();
    const context = {
      engine: {
        ...test.engine,
        // The engine is shared: of all volumes, only the test's own may go.
        listVolumes: async (filters: Readonly<Record<string, readonly string[]>>) =>
          (await test.engine.listVolumes(filters, signal)).filter(({ Name: name }) => name === test.volume),
      },
      clock: systemClock(),
      log: silentLogger,
      instance: undefined,
      owner: 'test',
    };
    const listed = (): Promise<string> =>
      test.docker('volume', 'ls', '-q', '--filter', `name=${test.volume}`);
    const rule = { isWanted: () => false, ageMs: -2_000 }; // its date has whole seconds
    await clearOldVolumes(context, rule, signal);
    expect(await listed()).toBe(test.volume);
    await test.docker('rm', '-f', test.carrier);
    await clearOldVolumes(context, { ...rule, ageMs: 3_600_000 }, signal);
    expect(await listed()).toBe(test.volume);
    await clearOldVolumes(context, rule, signal);
    expect(await listed()).toBe('');
  });
});
