import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { containersOf, docker, lines } from './support/docker.ts';
import { BUSYBOX, sleepingSandboxes } from './support/sleeping-sandboxes.ts';
import { until } from './support/wait.ts';

describe('sandboxes that are deleted', () => {
  const { server, create, get, remove } = sleepingSandboxes();

  it('by four clients at once are gone, and no client is told of an error', async () => {
    for (const pausedFirst of [false, true]) {
      const id = await create();
      if (pausedFirst) await server().call('POST', `/v1/sandboxes/${id}/pause`);
      const answers = await Promise.all(Array.from({ length: 4 }, () => remove(id)));
      const statuses = answers.map(({ status }) => status);
      expect(statuses).toContain(204);
      for (const status of statuses) expect([204, 404]).toContain(status);
      expect((await get(id)).status).toBe(404);
      expect(await containersOf(server().instance)).toEqual([]);
    }
  });

  it('disturb no list that six clients read meanwhile', async () => {
    const ids = await Promise.all(Array.from({ length: 24 }, () => create()));
    let isOver = false;
    const answers: string[] = [];
    const readers = Array.from({ length: 6 }, async () => {
      while (!isOver) {
        const { status, text } = await server().call('GET', '/v1/sandboxes?pageSize=200');
        answers.push(status === 200 ? '200' : `${status} ${text}`);
      }
    });
    const deleted = await Promise.all(ids.map(remove));
    isOver = true;
    await Promise.all(readers);
    expect(deleted.map(({ status }) => status)).toEqual(ids.map(() => 204));
    expect(answers.filter((answer) => answer !== '200')).toEqual([]);
    expect(answers.length).toBeGreaterThan(24);
    expect((await server().call('GET', '/v1/sandboxes')).json.items).toEqual([]);
    expect(await containersOf(server().instance)).toEqual([]);
  });

  it('take the anonymous volumes of their image along, also when they expire or are removed by hand', async () => {
    const image = `opensandbox-chaos-${randomUUID()}`;
    await docker('create', '--name', image, BUSYBOX, 'true');
    await docker('commit', '--change', 'VOLUME /anon', image, image);
    await docker('rm', image);
    try {
      const before = new Set(await lines('volume', 'ls', '-q'));
      const change = { image: { uri: `${image}:latest` } };
      const ids = [await create(change), await create(change), await create(change)];
      const format = '{{range .Mounts}}{{if eq .Destination "/anon"}}{{.Name}}{{end}}{{end}}';
      const own = await Promise.all(ids.map((id) => docker('inspect', '--format', format, `sandbox-${id}`)));
      expect(new Set([...own, ...before]).size).toBe(before.size + 3);
      const [deleted = '', expired = '', byHand = ''] = ids;
      expect((await remove(deleted)).status).toBe(204);
      const expiresAt = new Date(Date.now() + 500).toISOString();
      await server().call('POST', `/v1/sandboxes/${expired}/renew-expiration`, { expiresAt });
      await docker('rm', '-f', '-v', `sandbox-${byHand}`);
      for (const id of ids) await until(`${id} is gone`, 15_000, async () => (await get(id)).status === 404);
      await until('their volumes are gone', 15_000, async () => {
        const left = await lines('volume', 'ls', '-q');
        return left.every((name) => !own.includes(name));
      });
    } finally {
      await docker('rmi', '-f', image);
    }
  });
});
