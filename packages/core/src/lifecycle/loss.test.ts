import { afterEach, describe, expect, it } from 'vitest';
import { Curtain } from '../../test/curtain.ts';
import { MINUTE, SECOND, World } from '../../test/world.ts';
import type { SandboxId } from '../sandbox.ts';

let curtain = new Curtain();
let world = new World();

afterEach(() => world.stop());

async function open(): Promise<void> {
  curtain = new Curtain();
  world = await new World({ driver: curtain.before }).start();
}

/** Minutes pass; every one brings a list, as it does with a real engine. */
async function relists(minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) {
    await world.clock.advance(MINUTE);
    world.engine.relist();
    await world.settle();
  }
}

const LOST = { state: 'Failed', reason: 'RUNTIME_LOST' };
const statusOf = (id: SandboxId) => world.lifecycle.get(id).status;

describe('an engine that comes back empty', () => {
  it('costs no sandbox: all are shown as lost, and are as they were when it has them again', async () => {
    await open();
    const renewed = await world.running({}, { timeoutSeconds: 3600, metadata: { a: '1' } });
    const paused = await world.running();
    const expiresAt = world.clock.now() + 40 * 24 * 60 * MINUTE;
    await world.lifecycle.renew(renewed, expiresAt, world.signal);
    await world.lifecycle.patchMetadata(renewed, { a: undefined, b: '2' }, world.signal);
    await world.lifecycle.pause(paused, world.signal);
    curtain.hide(renewed, paused);
    await relists(1);
    expect(statusOf(renewed)).toMatchObject(LOST);
    expect(statusOf(renewed).message).toContain('engine');
    expect(statusOf(paused)).toMatchObject(LOST);
    await relists(5 * 60);
    expect(statusOf(renewed)).toMatchObject(LOST);
    curtain.lift();
    await relists(1);
    expect(world.lifecycle.get(renewed)).toMatchObject({
      status: { state: 'Running' },
      record: { expiresAt, metadata: { b: '2' } },
    });
    expect(world.record(renewed)?.lost).toBeUndefined();
    expect(world.state(paused)).toBe('Paused');
    expect(world.log.count('sandbox.adopted')).toBe(0);
  });

  it('costs no sandbox when it is found empty at the start, however often the server starts', async () => {
    await open();
    const ids = [await world.running({}, { metadata: { a: '1' } }), await world.running()];
    for (let start = 0; start < 3; start += 1) {
      await world.stop();
      curtain.hide(...ids);
      await world.clock.advance(60 * MINUTE);
      await world.start();
      await relists(30);
      for (const id of ids) expect(statusOf(id)).toMatchObject(LOST);
    }
    curtain.lift();
    await relists(1);
    expect(ids.map((id) => world.state(id))).toEqual(['Running', 'Running']);
    expect(world.lifecycle.get(ids[0] as SandboxId).record.metadata).toEqual({ a: '1' });
  });

  it('costs no sandbox when others are made on it meanwhile', async () => {
    await open();
    const before = await world.running();
    curtain.hide(before);
    await relists(1);
    const since = await world.running();
    await relists(60);
    await world.stop();
    await world.start();
    await relists(60);
    expect(statusOf(before)).toMatchObject(LOST);
    expect(world.state(since)).toBe('Running');
  });

  it('lets what did not come back go once it shows one of the others again', async () => {
    await open();
    const [back, never] = [await world.running(), await world.running()];
    curtain.hide(back, never);
    await relists(60);
    curtain.lift(back);
    await relists(10);
    expect(statusOf(never)).toMatchObject(LOST);
    await relists(1);
    expect(() => world.lifecycle.get(never)).toThrow('not found');
    expect(world.state(back)).toBe('Running');
  });

  it('does not bring back what was deleted or fell due meanwhile', async () => {
    await open();
    const deleted = await world.running({}, { metadata: { a: '1' } });
    const due = await world.running({}, { timeoutSeconds: 600 });
    const kept = await world.running();
    await world.lifecycle.renew(due, world.clock.now() + 5 * MINUTE, world.signal);
    curtain.hide(deleted, due, kept);
    await relists(1);
    await world.lifecycle.destroy(deleted, world.signal);
    await relists(8);
    await world.stop();
    await world.start();
    const query = { states: undefined, metadata: {}, page: 1, pageSize: 10 };
    expect(world.lifecycle.list(query).items.map(({ record }) => record.id)).toEqual([kept]);
    await expect(world.lifecycle.destroy(deleted, world.signal)).rejects.toMatchObject({ kind: 'not_found' });
    curtain.lift();
    await relists(1);
    expect(world.engine.ids).toEqual([kept]);
    expect(world.store.list().map(({ id }) => id)).toEqual([kept]);
    expect(world.log.count('sandbox.adopted')).toBe(0);
  });

  it('does not bring back what was deleted before any list lacked it', async () => {
    await open();
    const id = await world.running({ SECRET: 'x' });
    curtain.hide(id);
    await world.lifecycle.destroy(id, world.signal);
    expect(() => world.lifecycle.get(id)).toThrow('not found');
    await relists(2);
    await world.stop();
    await world.start();
    curtain.lift();
    await relists(1);
    expect(world.log.count('sandbox.adopted')).toBe(0);
    expect(world.engine.ids).toEqual([]);
    expect(world.store.list()).toEqual([]);
  });

  it('keeps of what was deleted meanwhile no more than it needs to know it again', async () => {
    await open();
    const id = await world.running({ TOKEN: 'secret' }, { metadata: { a: '1' } });
    curtain.hide(id);
    await relists(1);
    await world.lifecycle.destroy(id, world.signal);
    expect(world.record(id)?.buriedAt).toBeDefined();
    expect(JSON.stringify(world.record(id))).not.toContain('secret');
    expect(world.record(id)?.metadata).toEqual({});
  });

  it('hinders neither a deletion nor an expiry', async () => {
    await open();
    const [deleted, due] = [await world.running(), await world.running({}, { timeoutSeconds: 600 })];
    curtain.hide(deleted, due);
    await relists(1);
    await world.lifecycle.destroy(deleted, world.signal);
    expect(() => world.lifecycle.get(deleted)).toThrow('not found');
    await relists(10);
    expect(() => world.lifecycle.get(due)).toThrow('not found');
  });
});

describe('a sandbox that lists lack while they have others', () => {
  async function one(): Promise<SandboxId> {
    await open();
    const id = await world.running();
    await world.running();
    await world.clock.advance(SECOND);
    return id;
  }

  it('is shown as lost from the first such list on, and forgotten after ten minutes of them', async () => {
    const id = await one();
    curtain.hide(id);
    expect(world.state(id)).toBe('Running');
    world.engine.relist();
    await world.settle();
    const lostAt = world.clock.now();
    expect(statusOf(id)).toMatchObject({ ...LOST, transitionAt: lostAt });
    await relists(9);
    expect(statusOf(id)).toMatchObject({ ...LOST, transitionAt: lostAt });
    await relists(1);
    expect(world.store.list().map((record) => record.id)).not.toContain(id);
    expect(world.log.count('sandbox.lost')).toBe(1);
  });

  it('is not forgotten because time passes without lists', async () => {
    const id = await one();
    curtain.hide(id);
    world.engine.relist();
    await world.clock.advance(60 * MINUTE);
    expect(statusOf(id)).toMatchObject(LOST);
  });

  it('has the whole time again when it was back in between, or when all were missing', async () => {
    const id = await one();
    const other = world.store.list().find((record) => record.id !== id)?.id as SandboxId;
    curtain.hide(id);
    await relists(9);
    curtain.lift(id);
    await relists(1);
    expect(world.state(id)).toBe('Running');
    curtain.hide(id);
    await relists(9);
    curtain.hide(other);
    await relists(1);
    curtain.lift(other);
    await relists(10);
    expect(statusOf(id)).toMatchObject(LOST);
    await relists(1);
    expect(() => world.lifecycle.get(id)).toThrow('not found');
  });

  it('keeps its time when the server starts anew', async () => {
    const id = await one();
    curtain.hide(id);
    await relists(5);
    await world.stop();
    await world.start();
    await relists(4);
    expect(statusOf(id)).toMatchObject(LOST);
    await relists(2);
    expect(() => world.lifecycle.get(id)).toThrow('not found');
  });

  it('goes at once when the engine tells that it was removed', async () => {
    const id = await one();
    curtain.hide(id);
    await relists(1);
    curtain.lift();
    world.engine.remove(id);
    await world.settle();
    expect(() => world.lifecycle.get(id)).toThrow('not found');
  });

  it('refuses what needs it to run, and says why', async () => {
    const id = await one();
    curtain.hide(id);
    await relists(1);
    await expect(world.lifecycle.resolve(id, 8080, world.signal)).rejects.toMatchObject({
      kind: 'conflict',
      code: 'sandbox.not_running',
      message: expect.stringContaining(statusOf(id).message) as string,
    });
    await expect(world.lifecycle.pause(id, world.signal)).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('can be renewed, so that it is there when it comes back', async () => {
    const id = await world
      .stop()
      .then(open)
      .then(() => world.running({}, { timeoutSeconds: 60 }));
    curtain.hide(id);
    world.engine.relist();
    await world.lifecycle.renew(id, world.clock.now() + 60 * MINUTE, world.signal);
    await relists(5);
    curtain.lift();
    await relists(1);
    expect(world.state(id)).toBe('Running');
  });
});
