import { Fault } from '@opensandbox/base';
import { afterEach, describe, expect, it } from 'vitest';
import { OPTIONS, SECOND, World } from '../../test/world.ts';
import type { RuntimeDriver } from '../ports/runtime-driver.ts';

/** An engine whose removals hang until somebody lets them go. */
function hangingRemovals() {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let count = 0;
  const driver = (inner: RuntimeDriver): RuntimeDriver => ({
    ...inner,
    async destroy(id, signal) {
      count += 1;
      await released;
      return inner.destroy(id, signal);
    },
  });
  return { driver, release, count: () => count };
}

let world = new World();
afterEach(async () => {
  await world.stop();
  world.engine[Symbol.dispose]();
  expect(world.clock.pending.map((timer) => timer.armedAt)).toEqual([]);
});

describe('a removal that the engine does not finish', () => {
  it('is answered when the wait has passed, and goes on', async () => {
    const removals = hangingRemovals();
    world = await new World({ driver: removals.driver }).start();
    const { lifecycle, clock, signal } = world;
    const id = await world.running();
    const waiting = lifecycle.destroy(id, signal).catch((error: unknown) => error);
    await clock.advance(OPTIONS.removeWaitMs);
    expect(await waiting).toMatchObject({ kind: 'timeout', code: 'engine.timeout' });
    expect(world.record(id)).toMatchObject({ intent: 'destroy' });
    expect(world.state(id)).toBe('Stopping');
    removals.release();
    await world.settle();
    expect(world.record(id)).toBeUndefined();
    expect(world.engine.ids).toEqual([]);
  });

  it('is shared by a second caller, who waits as long by himself', async () => {
    const removals = hangingRemovals();
    world = await new World({ driver: removals.driver }).start();
    const { lifecycle, clock, signal } = world;
    const id = await world.running();
    const first = lifecycle.destroy(id, signal).catch((error: unknown) => error);
    await clock.advance(OPTIONS.removeWaitMs - SECOND);
    const second = lifecycle.destroy(id, signal);
    await clock.advance(SECOND);
    expect(await first).toBeInstanceOf(Fault);
    removals.release();
    await second;
    expect(removals.count()).toBe(1);
  });

  it('bounds the answer also while a creation has to be taken back first', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const driver = (inner: RuntimeDriver): RuntimeDriver => ({
      ...inner,
      async create(record, report, signal) {
        await released;
        return inner.create(record, report, signal);
      },
    });
    world = await new World({ driver }).start();
    const { record } = await world.create();
    await world.settle();
    const waiting = world.lifecycle.destroy(record.id, world.signal).catch((error: unknown) => error);
    await world.clock.advance(OPTIONS.removeWaitMs);
    expect(await waiting).toMatchObject({ kind: 'timeout', code: 'engine.timeout' });
    release();
    await world.settle();
    expect(world.record(record.id)).toBeUndefined();
    expect(world.engine.ids).toEqual([]);
  });
});
