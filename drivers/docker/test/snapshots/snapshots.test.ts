import { snapshotConformance } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, IMAGE, openDockerTest } from '../docker-harness.ts';
import { imagesOf, openSnapshotWorld } from './snapshot-world.ts';

const { signal } = new AbortController();

describe.skipIf(!HAS_ENGINE)('on the engine of this machine', () => {
  snapshotConformance('the Docker driver', async () => {
    const test = await openDockerTest();
    return {
      driver: test.driver,
      makeSpec: () => busyboxSpec(),
      async kill(id) {
        await test.docker('kill', `sandbox-${id}`);
      },
      artefacts: (ids) => imagesOf(test.docker, ids),
      close: async () => test[Symbol.asyncDispose](),
    };
  });

  describe('a snapshot', () => {
    it('holds the files, and nothing else of its sandbox', async () => {
      await using test = await openDockerTest();
      await using world = openSnapshotWorld(test);
      const env = [
        ['TOKEN', 'hunter2'],
        ['PATH', '/elsewhere'],
      ] as const;
      const sandbox = await world.create({ env, accessRenewSeconds: 60 });
      await world.inside(sandbox, 'echo kept >/file');
      const snapshotId = world.newId();
      const image = await world.capture(sandbox, snapshotId);
      expect(await world.image(image, 'Config')).toEqual(await world.image(IMAGE, 'Config'));
      expect(await world.image(image, 'Architecture')).toEqual(await world.image(IMAGE, 'Architecture'));
      expect(JSON.stringify(await world.image(image))).not.toMatch(/hunter2|elsewhere|bootstrap/);
      expect(await test.docker('history', '-q', image)).not.toBe('');
      expect(await imagesOf(test.docker, [snapshotId])).toHaveLength(1);
      const copy = await world.create({ source: { kind: 'snapshot', snapshotId, image } });
      expect(await world.inside(copy, 'cat /file')).toBe('kept');
      expect(await world.inside(copy, 'env')).not.toMatch(/hunter2|elsewhere/);
    });

    it('of a sandbox that changed nothing is still an image of its own', async () => {
      await using test = await openDockerTest();
      await using world = openSnapshotWorld(test);
      const sandbox = await world.create();
      const [first, second] = [world.newId(), world.newId()];
      const images = [await world.capture(sandbox, first), await world.capture(sandbox, second)];
      const ids = await Promise.all(images.map((image) => world.image(image, 'Id')));
      expect(new Set([...ids, await world.image(IMAGE, 'Id')]).size).toBe(3);
      await world.facet.remove(first, signal);
      expect(await imagesOf(test.docker, [second])).toHaveLength(1);
    });

    it('tells how far it is, and how much there is when it takes long', async () => {
      await using test = await openDockerTest();
      await using world = openSnapshotWorld(test);
      const sandbox = await world.create();
      await world.inside(sandbox, 'dd if=/dev/urandom of=/big bs=1048576 count=400 2>/dev/null');
      const told: string[] = [];
      const report = ({ message, bytes }: { message: string; bytes: number | undefined }): void =>
        void told.push(`${message} ${bytes === undefined ? '' : bytes >= 400 * 1048576 ? 'much' : 'little'}`);
      await world.facet.capture({ snapshotId: world.newId(), sandboxId: sandbox }, report, signal);
      expect(told[0]).toBe('Committing the file system ');
      expect(told.slice(1, -1).every((line) => line === 'Committing the file system much')).toBe(true);
      expect(told.at(-1)).toBe('Finishing the image ');
    });

    it('that takes too long is given up, and what the engine makes of it can be removed', async () => {
      await using test = await openDockerTest();
      const { instance } = test;
      await using hasty = await openDockerTest({ section: { instance, api_timeout: 1 } });
      await using world = openSnapshotWorld(test);
      const sandbox = await world.create();
      await world.inside(sandbox, 'dd if=/dev/urandom of=/big bs=1048576 count=600 2>/dev/null');
      const snapshotId = world.newId();
      const wish = { snapshotId, sandboxId: sandbox };
      const capturing = hasty.driver.snapshots?.capture(wish, () => undefined, signal);
      await expect(capturing).rejects.toMatchObject({
        kind: 'timeout',
        code: 'engine.timeout',
        message: 'The Docker engine did not answer the commit of the file system within 1 s.',
      });
      const late = (): Promise<number> => imagesOf(test.docker, [snapshotId]).then((found) => found.length);
      await expect.poll(late, { timeout: 40_000, interval: 250 }).toBeGreaterThan(0);
      await world.facet.remove(snapshotId, signal);
      expect(await late()).toBe(0);
    });

    it('whose sealing was cut short is sealed when it is recovered', async () => {
      await using test = await openDockerTest();
      await using world = openSnapshotWorld(test);
      const sandbox = await world.create({ env: [['TOKEN', 'hunter2']] });
      const snapshotId = world.newId();
      const draft = ['opensandbox.io/auxiliary=snapshot-draft', `opensandbox.io/snapshot-id=${snapshotId}`];
      const change = draft.flatMap((label) => ['--change', `LABEL ${label}`]);
      // Killed after the commit, and another time between the load and the removal of the draft.
      await test.docker('commit', ...change, `sandbox-${sandbox}`, `opensandbox-snapshots:${snapshotId}`);
      await test.docker('commit', ...change, '--message', 'left', `sandbox-${sandbox}`);
      const found = await world.facet.recover({ snapshotId, sandboxId: sandbox }, () => undefined, signal);
      expect(await world.image(found?.image ?? '', 'Config')).toEqual(await world.image(IMAGE, 'Config'));
      expect(await imagesOf(test.docker, [snapshotId])).toHaveLength(1);
    });
  });

  describe('a sandbox restored from what another server committed', () => {
    it('has nothing of the labels that the image brings along', async () => {
      await using test = await openDockerTest();
      await using world = openSnapshotWorld(test);
      const theirs = {
        'opensandbox.io/id': 'their-sandbox',
        'opensandbox.io/expires-at': '2020-01-01T00:00:00+00:00',
        'opensandbox.io/manual-cleanup': 'true',
        'opensandbox.io/egress-auth-token': 'secret-token',
        'opensandbox.io/volume-managed-by': '["data"]',
        'opensandbox.io/ossfs-mounts': '["/mnt/x"]',
        'opensandbox.io/access-renew-extend-seconds': '60',
        'opensandbox.io/embedding-proxy-port': '40000',
        'opensandbox.io/http-port': '40001',
        team: 'infra',
        'org.example/owner': 'them',
      };
      const labels = Object.entries(theirs).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
      const other = ['OPENSANDBOX_EGRESS_MITMPROXY_TRANSPARENT=true', 'THEIRS=kept'];
      const variables = other.flatMap((line) => ['--env', line]);
      const container = await test.docker('create', ...labels, ...variables, IMAGE, 'true');
      const snapshotId = world.newId();
      const image = `opensandbox-snapshots:${snapshotId}`;
      await test.docker('commit', container, image);
      await test.docker('rm', container);
      const found = await world.facet.recover(
        { snapshotId, sandboxId: await world.create() },
        () => undefined,
        signal,
      );
      expect(found?.image).toBe(image);
      const copy = await world.create({ source: { kind: 'snapshot', snapshotId, image } });
      const own = await world.labels(copy);
      expect(Object.keys(own)).toEqual(expect.arrayContaining(Object.keys(theirs)));
      const filled = Object.entries(own).filter(([, value]) => value !== '');
      expect(Object.fromEntries(filled)).toEqual({
        'opensandbox.io/id': copy,
        'opensandbox.io/instance': test.instance,
        'opensandbox.io/manual-cleanup': 'true',
        'opensandbox.io/snapshot-id': snapshotId,
      });
      const seen = await test.driver.inspect(copy, signal);
      expect(seen?.claim).toMatchObject({ metadata: {}, expiresAt: undefined });
      const env = await world.inside(copy, 'env');
      expect(env.split('\n')).toContain('OPENSANDBOX_EGRESS_MITMPROXY_TRANSPARENT=');
      await test.driver.destroy(copy, signal);
    });
  });
});
