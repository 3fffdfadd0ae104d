import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { docker, lines } from './support/docker.ts';
import { BODY, BUSYBOX, sleepingSandboxes } from './support/sleeping-sandboxes.ts';
import { until } from './support/wait.ts';

describe('sandboxes whose image was removed by force', () => {
  const { server, create, get, remove } = sleepingSandboxes();

  it('are shown, paused, resumed and deleted like all others, also after a restart of the server', async () => {
    const image = `opensandbox-chaos-${randomUUID()}`;
    await docker('create', '--name', image, BUSYBOX, 'true');
    // An image of its own: the busybox of all other tests keeps its name.
    await docker('commit', '--change', `LABEL chaos=${image}`, image, `${image}:1`);
    await docker('rm', image);
    const uri = `${image}:1`;
    const imageId = await docker('inspect', '--format', '{{.Id}}', uri);
    const ids = await Promise.all([0, 1].map(() => create({ image: { uri } })));
    const ended = await server().call('POST', '/v1/sandboxes', {
      ...BODY,
      image: { uri },
      entrypoint: ['true'],
    });
    const endedId = ended.json.id;
    await until('one has ended', 30_000, async () => (await get(endedId)).json.status.state === 'Terminated');
    // The engine keeps the layers that running containers use, and drops the name all the same.
    await docker('rmi', '-f', uri);
    await docker('rmi', '-f', imageId).catch(() => undefined);
    const names = await lines('images', '--format', '{{.Repository}}:{{.Tag}}');
    expect(names).not.toContain(uri);
    try {
      const listed = await server().call('GET', '/v1/sandboxes?pageSize=200');
      expect(listed.status).toBe(200);
      expect(listed.json.items.map(({ id }) => id).sort()).toEqual([...ids, endedId].sort());
      for (const id of [...ids, endedId]) {
        const { status, text } = await get(id);
        expect([status, text]).toEqual([200, expect.stringContaining(`"uri":"${uri}"`)]);
      }
      const [id = ''] = ids;
      expect((await server().call('POST', `/v1/sandboxes/${id}/pause`)).status).toBe(202);
      expect((await get(id)).json.status.state).toBe('Paused');
      expect((await server().call('POST', `/v1/sandboxes/${id}/resume`)).status).toBe(202);
      expect((await server().call('GET', `/v1/sandboxes/${id}/proxy/44772/ping`)).status).toBe(200);
      await server().kill();
      await server().start();
      expect((await get(id)).json.status.state).toBe('Running');
      expect((await get(endedId)).json.status.state).toBe('Terminated');
    } finally {
      for (const id of [...ids, endedId]) expect((await remove(id)).status).toBe(204);
      await docker('rmi', '-f', imageId).catch(() => undefined); // gone with its last container
    }
  });
});
