import { ConnectionConfig, Sandbox, SandboxManager } from '@alibaba-group/opensandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import type { SnapshotCalls } from './support/snapshots.ts';
import { imagesOf, running, snapshotCalls } from './support/snapshots.ts';
import { until } from './support/wait.ts';

const IMAGE = 'opensandbox-test/busybox:latest';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('snapshots over the API', () => {
  let server: ServerProcess;
  let snapshots: SnapshotCalls;

  async function create(body: object = {}): Promise<string> {
    const { json, status, text } = await server.call('POST', '/v1/sandboxes', {
      image: { uri: IMAGE },
      entrypoint: ['tail', '-f', '/dev/null'],
      resourceLimits: {},
      timeout: 600,
      ...body,
    });
    expect(status, text).toBe(202);
    await running(server, json.id);
    return json.id;
  }

  const inside = (id: string, command: string): Promise<string> =>
    docker('exec', `sandbox-${id}`, '/bin/busybox', 'sh', '-c', command);
  const remove = async (id: string): Promise<void> =>
    expect((await server.call('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204);

  beforeAll(async () => {
    server = await openServer();
    await server.start();
    snapshots = snapshotCalls(server);
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await snapshots.clear();
    await server[Symbol.asyncDispose]();
  });

  it('a file survives in a sandbox that is restored from a snapshot', async () => {
    const source = await create();
    await inside(source, 'echo kept >/root-file');
    const answer = await server.call('POST', `/sandboxes/${source}/snapshots`, { name: 'first' });
    expect(answer.status).toBe(202);
    const accepted = JSON.parse(answer.text) as Awaited<ReturnType<SnapshotCalls['get']>>;
    expect(answer.headers.get('location')).toBe(`/v1/snapshots/${accepted.id}`);
    expect(accepted).toEqual({
      id: expect.stringMatching(UUID) as string,
      sandboxId: source,
      name: 'first',
      status: {
        state: 'Creating',
        reason: 'snapshot_accepted',
        message: 'Snapshot creation accepted.',
        lastTransitionAt: accepted.createdAt,
      },
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/) as string,
    });
    const ready = await snapshots.ended(accepted.id);
    expect(ready.status).toMatchObject({
      state: 'Ready',
      reason: 'snapshot_runtime_ready',
      message: 'Docker snapshot image created successfully.',
    });
    const copy = await snapshots.restore(accepted.id);
    expect(await inside(copy, 'cat /root-file')).toBe('kept');
    const { text } = await server.call('GET', `/v1/sandboxes/${copy}`);
    const shown = JSON.parse(text) as Record<string, unknown>;
    expect(shown['snapshotId']).toBe(accepted.id);
    expect(shown['image']).toBeUndefined();
    expect(shown['entrypoint']).toEqual(['tail', '-f', '/dev/null']);
    await remove(source);
    await remove(copy);
    expect((await snapshots.remove(accepted.id)).status).toBe(204);
    expect((await snapshots.remove(accepted.id)).status).toBe(404);
    expect(await imagesOf(accepted.id)).toEqual([]);
  });

  it('a copy has nothing of its source but the files, also after a restart', async () => {
    const source = await create({
      metadata: { team: 'infra', secret: 'hush' },
      env: { TOKEN: 'hunter2' },
      extensions: { 'access.renew.extend.seconds': '1800' },
    });
    const { id } = await snapshots.take(source);
    expect((await snapshots.ended(id)).status.state).toBe('Ready');
    const image = await docker(
      'image',
      'inspect',
      '--format',
      '{{json .Config}}',
      `opensandbox-snapshots:${id}`,
    );
    const original = await docker('image', 'inspect', '--format', '{{json .Config}}', IMAGE);
    expect(JSON.parse(image)).toEqual(JSON.parse(original));
    const history = await docker('history', '--no-trunc', `opensandbox-snapshots:${id}`);
    expect(`${image}${history}`).not.toContain('hunter2');
    const began = Date.now();
    const copy = await snapshots.restore(id, { metadata: { mine: 'yes' } });
    expect(Date.now() - began).toBeLessThan(20_000);
    await server.kill();
    await server.start();
    const { json } = await server.call('GET', `/v1/sandboxes/${copy}`);
    expect(json.status.state).toBe('Running');
    expect(json.expiresAt).toBeUndefined();
    expect(json.metadata).toEqual({ mine: 'yes' });
    expect(await inside(copy, 'env')).not.toContain('hunter2');
    const labels = JSON.parse(
      await docker('inspect', '--format', '{{json .Config.Labels}}', `sandbox-${copy}`),
    ) as Record<string, string>;
    expect(Object.entries(labels).filter(([, value]) => value !== '')).toEqual(
      expect.arrayContaining([['mine', 'yes']]),
    );
    expect(labels).not.toHaveProperty('team');
    expect(labels['opensandbox.io/expires-at']).toBe('');
    expect(labels['opensandbox.io/access-renew-extend-seconds']).toBe('');
    const renewal = await server.call('POST', `/v1/sandboxes/${copy}/renew-expiration`, {
      expiresAt: new Date(Date.now() + 600_000).toISOString(),
    });
    expect(renewal.status).toBe(409);
    await remove(source);
    await remove(copy);
    expect((await snapshots.remove(id)).status).toBe(204);
  });

  it('a snapshot in use is Deleting until the last sandbox from it is gone', async () => {
    const source = await create();
    const { id } = await snapshots.take(source);
    await snapshots.ended(id);
    const copy = await snapshots.restore(id);
    const refused = await snapshots.remove(id);
    expect(refused.status).toBe(409);
    expect(refused.json.code).toBe('SNAPSHOT::DELETE_CONFLICT');
    expect(refused.json.message).toContain('snapshot image cannot be deleted due to a conflict');
    expect((await snapshots.get(id)).status).toMatchObject({
      state: 'Deleting',
      reason: 'snapshot_delete_requested',
    });
    const again = await server.call('POST', '/v1/sandboxes', { snapshotId: id, resourceLimits: {} });
    expect([again.status, again.json.code]).toEqual([409, 'SNAPSHOT::NOT_READY']);
    await docker('stop', '-t', '0', `sandbox-${copy}`);
    expect((await snapshots.remove(id)).status).toBe(409);
    await remove(copy);
    expect((await snapshots.remove(id)).status).toBe(204);
    expect((await server.call('GET', `/v1/snapshots/${id}`)).status).toBe(404);
    expect(await imagesOf(id)).toEqual([]);
    await remove(source);
  });

  it('a source that is paused is captured and stays paused; any other state is refused', async () => {
    const source = await create();
    await inside(source, 'echo paused >/state');
    expect((await server.call('POST', `/v1/sandboxes/${source}/pause`)).status).toBe(202);
    const { id } = await snapshots.take(source);
    expect((await snapshots.ended(id)).status.state).toBe('Ready');
    expect((await server.call('GET', `/v1/sandboxes/${source}`)).json.status.state).toBe('Paused');
    const copy = await snapshots.restore(id);
    expect(await inside(copy, 'cat /state')).toBe('paused');
    await docker('stop', '-t', '0', `sandbox-${copy}`);
    await until('the end is seen', 10_000, async () => {
      const { json } = await server.call('GET', `/v1/sandboxes/${copy}`);
      return json.status.state !== 'Running';
    });
    const refused = await server.call('POST', `/v1/sandboxes/${copy}/snapshots`);
    expect([refused.status, refused.json.code]).toEqual([409, 'SNAPSHOT::INVALID_SOURCE_STATE']);
    const missing = await server.call('POST', '/v1/sandboxes/nobody/snapshots', {});
    expect([missing.status, missing.json.code]).toEqual([404, 'DOCKER::SANDBOX_NOT_FOUND']);
    const nameless = await server.call('POST', `/v1/sandboxes/${source}/snapshots`, { name: '' });
    expect(nameless.status).toBe(422);
    await remove(copy);
    await remove(source);
    expect((await snapshots.remove(id)).status).toBe(204);
  });

  it('lists by sandbox, state and exact name, the newest first', async () => {
    const source = await create();
    const taken = [];
    for (const name of ['a', 'a', 'b', undefined]) taken.push(await snapshots.take(source, name));
    for (const { id } of taken) expect((await snapshots.ended(id)).status.state).toBe('Ready');
    const list = async (query: string): Promise<readonly string[]> => {
      const { text } = await server.call('GET', `/v1/snapshots?sandboxId=${source}&${query}`);
      const { items, pagination } = JSON.parse(text) as {
        items: { id: string }[];
        pagination: { totalItems: number };
      };
      expect(pagination.totalItems).toBeGreaterThanOrEqual(items.length);
      return items.map((item) => item.id);
    };
    const [first = '', second = '', third = '', last = ''] = taken.map(({ id }) => id);
    expect(await list('')).toEqual([last, third, second, first]);
    expect(await list('name=')).toEqual([last, third, second, first]);
    expect(await list('name=a')).toEqual([second, first]);
    expect(await list('name=A')).toEqual([]);
    expect(await list('name=a&state=Failed')).toEqual([]);
    expect(await list('state=Ready&state=Failed&pageSize=2&page=2')).toEqual([second, first]);
    expect(await list('state=ready')).toEqual([]);
    expect((await server.call('GET', '/v1/snapshots?pageSize=201')).status).toBe(422);
    await remove(source);
    for (const { id } of taken) expect((await snapshots.remove(id)).status).toBe(204);
  });

  it('a source that is being captured shows as Running, and cannot be paused', async () => {
    const source = await create();
    await inside(source, 'dd if=/dev/urandom of=/big bs=1048576 count=300 2>/dev/null');
    const { id } = await snapshots.take(source);
    await until('the engine froze it', 20_000, async () => {
      const paused = await docker('inspect', '--format', '{{.State.Paused}}', `sandbox-${source}`);
      return paused === 'true';
    });
    const states = new Set<string>();
    const { json } = await server.call('GET', `/v1/sandboxes/${source}`);
    const pause = await server.call('POST', `/v1/sandboxes/${source}/pause`);
    const resume = await server.call('POST', `/v1/sandboxes/${source}/resume`);
    const early = await snapshots.remove(id);
    const creating = await snapshots.get(id);
    const second = await snapshots.take(source);
    expect(creating.status).toMatchObject({ state: 'Creating', reason: 'snapshot_accepted' });
    expect(creating.status.message).toMatch(/^Committing the file system: \d+ s so far/);
    expect(json.status.state).toBe('Running');
    expect([pause.status, pause.json.code]).toEqual([409, 'DOCKER::SANDBOX_NOT_RUNNING']);
    expect(resume.status).toBe(409);
    expect([early.status, early.json.code]).toEqual([409, 'SNAPSHOT::INVALID_STATE']);
    await until('both are made', 60_000, async () => {
      states.add((await server.call('GET', `/v1/sandboxes/${source}`)).json.status.state);
      return (await snapshots.get(second.id)).status.state === 'Ready';
    });
    expect((await snapshots.get(id)).status.state).toBe('Ready');
    expect([...states]).toEqual(['Running']);
    await remove(source);
    expect((await snapshots.remove(id)).status).toBe(204);
    expect((await snapshots.remove(second.id)).status).toBe(204);
  });

  it('a server that is killed while it captures finds out at the next start', async () => {
    const source = await create();
    await inside(source, 'dd if=/dev/urandom of=/big bs=1048576 count=300 2>/dev/null');
    const { id } = await snapshots.take(source);
    const waiting = await snapshots.take(source);
    await until('the engine froze it', 20_000, async () => {
      const paused = await docker('inspect', '--format', '{{.State.Paused}}', `sandbox-${source}`);
      return paused === 'true';
    });
    await server.kill();
    await server.start();
    expect((await server.call('GET', `/v1/sandboxes/${source}`)).json.status.state).toBe('Running');
    expect((await snapshots.ended(id)).status).toMatchObject({
      state: 'Ready',
      reason: 'snapshot_recovery_ready',
    });
    expect((await snapshots.ended(waiting.id)).status).toMatchObject({
      state: 'Failed',
      reason: 'snapshot_recovery_missing_image',
    });
    expect((await server.call('GET', `/v1/sandboxes/${source}`)).json.status.state).toBe('Running');
    const config = await docker(
      'image',
      'inspect',
      '--format',
      '{{json .Config}}',
      `opensandbox-snapshots:${id}`,
    );
    const original = await docker('image', 'inspect', '--format', '{{json .Config}}', IMAGE);
    expect(JSON.parse(config)).toEqual(JSON.parse(original));
    expect(await imagesOf(id)).toHaveLength(1);
    await remove(source);
    expect((await snapshots.remove(id)).status).toBe(204);
    expect((await snapshots.remove(waiting.id)).status).toBe(204);
  });

  it('a snapshot whose image somebody removed is refused, and can be deleted', async () => {
    const source = await create();
    const { id } = await snapshots.take(source);
    await snapshots.ended(id);
    await docker('rmi', `opensandbox-snapshots:${id}`);
    const refused = await server.call('POST', '/v1/sandboxes', { snapshotId: id, resourceLimits: {} });
    expect([refused.status, refused.json.code]).toEqual([409, 'SNAPSHOT::INVALID_RESTORE_CONFIG']);
    expect((await snapshots.remove(id)).status).toBe(204);
    const unknown = await server.call('POST', '/v1/sandboxes', { snapshotId: id, resourceLimits: {} });
    expect([unknown.status, unknown.json.code]).toEqual([404, 'SNAPSHOT::NOT_FOUND']);
    await remove(source);
  });

  it('a source that is deleted while it waits leaves a Failed snapshot; during the capture it goes after it', async () => {
    const source = await create();
    await inside(source, 'dd if=/dev/urandom of=/big bs=1048576 count=200 2>/dev/null');
    const first = await snapshots.take(source);
    const waiting = await snapshots.take(source);
    await remove(source);
    expect((await snapshots.ended(first.id)).status.state).toBe('Ready');
    const failed = await snapshots.ended(waiting.id);
    expect(failed.status).toMatchObject({ state: 'Failed', reason: 'snapshot_runtime_failed' });
    expect(failed.status.message).toContain('DOCKER::SANDBOX_NOT_FOUND');
    const copy = await snapshots.restore(first.id);
    const child = await snapshots.take(copy);
    await snapshots.ended(child.id);
    await remove(copy);
    expect((await snapshots.remove(first.id)).status, 'a child is no user of its parent').toBe(204);
    const grandchild = await snapshots.restore(child.id);
    expect(await inside(grandchild, 'ls -l /big | wc -l')).toBe('1');
    await remove(grandchild);
    expect((await snapshots.remove(child.id)).status).toBe(204);
    expect((await snapshots.remove(waiting.id)).status).toBe(204);
  });
});

describe('snapshots with the official SDK', () => {
  it('keeps a file from one sandbox to the next', async () => {
    const server = await openServer();
    await server.start();
    const snapshots = snapshotCalls(server);
    const connectionConfig = new ConnectionConfig({ domain: server.domain, apiKey: server.apiKey });
    const manager = SandboxManager.create({ connectionConfig });
    try {
      const image = 'opensandbox-demo:latest';
      const sandbox = await Sandbox.create({ connectionConfig, image, timeoutSeconds: 300 });
      await sandbox.files.writeFiles([{ path: '/root/story.txt', data: 'once upon a time' }]);
      const { id } = await manager.createSnapshot(sandbox.id, { name: 'story' });
      expect((await snapshots.ended(id)).status.state).toBe('Ready');
      const listed = await manager.listSnapshots({ name: 'story' });
      expect(listed.items.map((item) => item.id)).toEqual([id]);
      expect((await manager.listSnapshots({ name: 'other' })).items).toEqual([]);
      const copy = await Sandbox.create({ connectionConfig, snapshotId: id, timeoutSeconds: 300 });
      expect(await copy.files.readFile('/root/story.txt')).toBe('once upon a time');
      expect((await copy.getInfo()).snapshotId).toBe(id);
      await copy.kill();
      await manager.deleteSnapshot(id);
      await expect(manager.getSnapshot(id)).rejects.toThrow(/not found/i);
      await sandbox.kill();
      await sandbox.close();
      await copy.close();
    } finally {
      await manager.close();
      await server.stop();
      await removeAll(server.instance);
      await snapshots.clear();
      await server[Symbol.asyncDispose]();
    }
  });
});
