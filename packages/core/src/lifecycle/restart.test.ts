import { Fault } from '@opensandbox/base';
import { afterEach, describe, expect, it } from 'vitest';
import { Guillotine } from '../../test/guillotine.ts';
import type { WorldOptions } from '../../test/world.ts';
import { MINUTE, SECOND, World } from '../../test/world.ts';
import type { SandboxId, SandboxRecord } from '../sandbox.ts';

let world = new World();

afterEach(() => world.stop());

/** Whatever happened: every container has a record that wants it, every ready record has its container. */
function expectNothingOrphanedOrLost(): void {
  const records = new Map(world.store.list().map((record) => [record.id, record]));
  for (const id of world.engine.ids) {
    expect(records.get(id), `container ${id} has a record`).toMatchObject({
      provisioning: { phase: 'ready' },
    });
  }
  for (const record of records.values()) {
    if (record.buriedAt !== undefined) continue; // removed, and remembered in case the engine lies
    if (record.provisioning.phase === 'ready') {
      expect(world.engine.ids, `record ${record.id} has a container`).toContain(record.id);
    }
    expect(record.intent, 'nothing is left half removed').not.toBe('destroy');
    expect(record.provisioning.phase, 'nothing is left half made').not.toBe('pending');
  }
}

/** Kills the server at every step of `story`, one after the other, and looks at what the next one makes of it. */
async function killAtEveryStep(
  options: WorldOptions,
  story: (id: SandboxId) => Promise<void>,
  check: (id: SandboxId | undefined, atDeath: SandboxRecord | undefined) => void,
): Promise<number> {
  for (let fatalStep = 1; ; fatalStep += 1) {
    world = new World(options);
    const guillotine = new Guillotine(fatalStep);
    await world.start(guillotine);
    let id: SandboxId | undefined;
    let isDone = false;
    void (async () => {
      id = (await world.create({}, { timeoutSeconds: 3600 })).record.id;
      await story(id);
      isDone = true;
    })();
    await world.clock.advanceUntil(() => isDone || guillotine.isDead, 10);
    await world.clock.advance(200);
    if (!guillotine.isDead) return fatalStep - 1;
    world.kill();
    const atDeath = id && world.store.get(id);
    await world.start();
    await world.clock.advance(MINUTE);
    expectNothingOrphanedOrLost();
    check(id, atDeath);
    await world.stop();
  }
}

const SLOW = { config: { imageMs: 20, createMs: 20, startMs: 20, agentMs: 20, destroyMs: 20 } };

describe('a server that is killed', () => {
  it('at any step of a create: what was promised runs in the end', async () => {
    const steps = await killAtEveryStep(
      SLOW,
      async (id) => {
        await world.lifecycle.waitSettled(id, MINUTE, world.signal);
      },
      (id) => {
        if (id !== undefined) expect(world.state(id)).toBe('Running');
      },
    );
    expect(steps).toBeGreaterThanOrEqual(8);
  });

  it('at any step of pause and resume: the state that is shown is the state that is', async () => {
    const steps = await killAtEveryStep(
      SLOW,
      async (id) => {
        await world.lifecycle.waitSettled(id, MINUTE, world.signal);
        await world.lifecycle.pause(id, world.signal);
        await world.lifecycle.resume(id, world.signal);
      },
      (id) => {
        if (id === undefined) return;
        const phase = world.engine.read(id)?.phase;
        expect(world.state(id)).toBe(phase === 'paused' ? 'Paused' : 'Running');
      },
    );
    expect(steps).toBeGreaterThanOrEqual(16);
  });

  it('at any step of a removal: it is gone in the end once that was recorded', async () => {
    let isAsked = false;
    const steps = await killAtEveryStep(
      SLOW,
      async (id) => {
        await world.lifecycle.waitSettled(id, MINUTE, world.signal);
        isAsked = true;
        await world.lifecycle.destroy(id, world.signal);
      },
      (id, atDeath) => {
        const wasRecorded = id !== undefined && (atDeath === undefined || atDeath.intent === 'destroy');
        // What the killed server removed last is kept in mind, hidden: its absence alone proves nothing.
        const shown = world.store.list().filter((record) => record.buriedAt === undefined);
        if (wasRecorded) expect([...shown, ...world.engine.ids]).toEqual([]);
        else if (id !== undefined) expect(world.state(id)).toBe('Running');
      },
    );
    expect(isAsked).toBe(true);
    expect(steps).toBeGreaterThanOrEqual(14);
  });

  it('at any moment of a create that takes its time: nothing is left behind', async () => {
    for (let afterMs = 0; afterMs < 100; afterMs += 5) {
      world = await new World(SLOW).start();
      const { record } = await world.create();
      await world.clock.advance(afterMs);
      world.kill();
      await world.clock.advance(100);
      await world.start();
      await world.clock.advance(SECOND);
      expect(world.state(record.id), `killed after ${afterMs} ms`).toBe('Running');
      expectNothingOrphanedOrLost();
      await world.stop();
    }
  });
});

describe('a server that starts', () => {
  it('removes at once what fell due while it was down', async () => {
    world = await new World().start();
    await world.running({}, { timeoutSeconds: 60 });
    world.kill();
    await world.clock.advance(5 * MINUTE);
    await world.start();
    await world.settle();
    expect(world.store.list()).toEqual([]);
    expect(world.engine.ids).toEqual([]);
  });

  it('goes on with what a graceful stop interrupted', async () => {
    world = await new World({ config: { imageMs: 1000 } }).start();
    const { record } = await world.create();
    await world.clock.advance(100);
    await world.stop();
    expect(world.engine.ids).toEqual([]);
    await world.start();
    await world.clock.advance(1000);
    expect(world.state(record.id)).toBe('Running');
  });

  it('leaves running sandboxes alone when it stops', async () => {
    world = await new World().start();
    const id = await world.running();
    await world.stop();
    expect(world.engine.ids).toEqual([id]);
    await world.start();
    expect(world.state(id)).toBe('Running');
  });

  it('shows as lost what the engine no longer has, and drops no record of it', async () => {
    world = await new World().start();
    const id = await world.running();
    world.kill();
    world.engine.remove(id);
    await world.clock.advance(SECOND);
    await world.start();
    expect(world.lifecycle.get(id).status).toMatchObject({ state: 'Failed', reason: 'RUNTIME_LOST' });
  });

  it('adopts what the engine has and nobody remembers, and expires it if it is overdue', async () => {
    const first = await new World().start();
    const [kept, paused] = [await first.running({}, { metadata: { a: '1' } }), await first.running()];
    await first.running({}, { timeoutSeconds: 60 });
    await first.lifecycle.pause(paused, first.signal);
    first.kill();
    await first.clock.advance(2 * MINUTE);
    world = await new World({ clock: first.clock, engine: first.engine }).start();
    await world.settle();
    expect(world.store.list().map((record) => record.id)).toEqual([kept, paused]);
    expect(world.lifecycle.get(kept)).toMatchObject({
      status: { state: 'Running' },
      record: { metadata: { a: '1' }, provisioning: { phase: 'ready' } },
    });
    expect(world.state(paused)).toBe('Paused');
    await world.lifecycle.resume(paused, world.signal);
    expect(world.engine.ids).toEqual([kept, paused]);
  });

  it('waits for the engine, and serves when it has come', async () => {
    world = new World();
    world.engine.goAway();
    let isServing = false;
    const starting = world.start().then(() => (isServing = true));
    await world.clock.advance(MINUTE);
    expect(isServing).toBe(false);
    expect(world.log.count('engine.lost')).toBe(1);
    world.engine.comeBack();
    await world.clock.advance(20 * SECOND);
    await starting;
    expect(world.log.count('engine.back')).toBe(1);
  });
});

describe('a server that runs', () => {
  it('drops the record when an outsider removes the container', async () => {
    world = await new World().start();
    const id = await world.running();
    world.engine.remove(id);
    await world.settle();
    expect(() => world.lifecycle.get(id)).toThrow('not found');
  });

  it('notices a removal that no event told of, with the next snapshot', async () => {
    world = await new World().start();
    const id = await world.running();
    await world.clock.advance(SECOND);
    world.engine.remove(id, true);
    expect(world.state(id)).toBe('Running');
    world.engine.relist();
    await world.settle();
    expect(world.lifecycle.get(id).status).toMatchObject({ state: 'Failed', reason: 'RUNTIME_LOST' });
  });

  it('never drops a record because news is missing', async () => {
    world = await new World().start();
    const id = await world.running();
    world.engine.goAway();
    await world.clock.advance(10 * MINUTE);
    expect(world.state(id)).toBe('Running');
    world.engine.comeBack();
    await world.clock.advance(MINUTE);
    expect(world.state(id)).toBe('Running');
  });

  it('keeps a sandbox that was made while an older snapshot was under way', async () => {
    world = await new World().start();
    const before = world.engine.snapshot();
    world.engine.holdNews();
    await world.clock.advance(1);
    const id = await world.running();
    world.engine.relist(before);
    world.engine.releaseNews();
    await world.settle();
    expect(world.state(id)).toBe('Running');
  });

  it('does not bring back what it removed, however late the news', async () => {
    world = await new World().start();
    const id = await world.running();
    world.engine.holdNews();
    world.engine.relist();
    await world.clock.advance(5);
    await world.lifecycle.destroy(id, world.signal);
    world.engine.releaseNews();
    await world.clock.advance(MINUTE);
    expect(world.store.list()).toEqual([]);
    expect(world.log.count('sandbox.adopted')).toBe(0);
  });

  it('goes on with the others when one cannot be repaired', async () => {
    world = await new World().start();
    const [stuck, other] = [await world.running(), await world.running()];
    world.engine.failNext('destroy', new Fault('internal', 'sandbox.delete_failed', 'busy'));
    world.engine.remove(stuck);
    world.engine.remove(other);
    await world.clock.advance(30 * SECOND);
    expect(world.store.list()).toEqual([]);
  });

  it('finishes creates that an engine restart interrupted', async () => {
    world = await new World({ config: { createMs: 100 } }).start();
    const all = await Promise.all(Array.from({ length: 10 }, () => world.create()));
    await world.clock.advance(50);
    world.engine.goAway();
    await world.clock.advance(3 * SECOND);
    world.engine.comeBack();
    await world.clock.advance(30 * SECOND);
    const ids = all.map(({ record }) => record.id).sort();
    expect(ids.map((id) => world.state(id))).toEqual(ids.map(() => 'Running'));
    expect([...world.engine.ids].sort()).toEqual(ids);
  });

  it('marks creates as failed with the reason when the engine stays away, and leaves nothing', async () => {
    world = await new World({ config: { createMs: 100 } }).start();
    const all = await Promise.all(Array.from({ length: 10 }, () => world.create()));
    await world.clock.advance(50);
    world.engine.goAway();
    await world.clock.advance(60 * SECOND);
    world.engine.comeBack();
    await world.clock.advance(30 * SECOND);
    for (const { record } of all) {
      expect(world.record(record.id)?.provisioning).toMatchObject({ code: 'engine.unavailable' });
    }
    expect(world.engine.ids).toEqual([]);
    expect(world.state(await world.running())).toBe('Running');
  });
});
