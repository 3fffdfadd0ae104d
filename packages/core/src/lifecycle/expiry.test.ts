import { Fault } from '@opensandbox/base';
import { afterEach, describe, expect, it } from 'vitest';
import type { WorldOptions } from '../../test/world.ts';
import { DAY, MINUTE, SECOND, World } from '../../test/world.ts';
import { sandboxId } from '../sandbox.ts';

let world = new World();

async function start(options: WorldOptions = {}): Promise<World> {
  world = await new World(options).start();
  return world;
}

afterEach(() => world.stop());

describe('a deadline', () => {
  it('removes the sandbox when it comes, not before', async () => {
    await start();
    const id = await world.running({}, { timeoutSeconds: 60 });
    await world.clock.advance(59 * SECOND);
    expect(world.state(id)).toBe('Running');
    await world.clock.advance(SECOND);
    expect(world.store.list()).toEqual([]);
    expect(world.engine.ids).toEqual([]);
  });

  it.each([30 * DAY, 365 * DAY])('of %i ms is kept as it is', async (timeoutMs) => {
    await start({ options: { sweepIntervalMs: 100 * DAY } });
    const id = await world.running({}, { timeoutSeconds: timeoutMs / 1000 });
    await world.clock.advance(timeoutMs - SECOND);
    expect(world.state(id)).toBe('Running');
    await world.clock.advance(SECOND);
    expect(world.store.list()).toEqual([]);
  });

  it('is noticed by the next sweep when the wall clock leaps', async () => {
    await start();
    await world.running({}, { timeoutSeconds: (10 * DAY) / 1000 });
    world.clock.leap(30 * DAY);
    await world.clock.advance(10 * SECOND);
    expect(world.store.list()).toEqual([]);
  });

  it('holds for paused, pending and exited sandboxes too', async () => {
    const { lifecycle, signal } = await start();
    const paused = await world.running({}, { timeoutSeconds: 60 });
    await lifecycle.pause(paused, signal);
    await world.running({ FAKE_EXIT_AFTER_MS: '1' }, { timeoutSeconds: 60 });
    await world.create({ FAKE_IMAGE_MS: String(10 * MINUTE) }, { timeoutSeconds: 60 });
    await world.clock.advance(61 * SECOND);
    expect(world.store.list()).toEqual([]);
    expect(world.engine.ids).toEqual([]);
  });

  it('is kept and tried again with growing waits while the engine refuses', async () => {
    await start({ options: { sweepIntervalMs: DAY } });
    const id = await world.running({}, { timeoutSeconds: 60 });
    world.engine.goAway();
    await world.clock.advance(60 * SECOND + 5 * MINUTE);
    expect(world.state(id)).toBe('Stopping');
    expect(world.log.count('sandbox.deadline_failed')).toBeLessThanOrEqual(1);
    world.engine.comeBack();
    await world.clock.advance(61 * SECOND);
    expect(world.store.list()).toEqual([]);
    expect(world.engine.ids).toEqual([]);
  });

  it('never comes without a timeout', async () => {
    await start({ options: { sweepIntervalMs: DAY } });
    const id = await world.running();
    await world.clock.advance(365 * DAY);
    expect(world.state(id)).toBe('Running');
  });
});

describe('renew', () => {
  it('moves the deadline later and earlier', async () => {
    const { lifecycle, signal, clock } = await start();
    const id = await world.running({}, { timeoutSeconds: 60 });
    const later = clock.now() + 10 * MINUTE;
    expect(await lifecycle.renew(id, later, signal)).toBe(later);
    await clock.advance(9 * MINUTE);
    expect(world.state(id)).toBe('Running');
    const sooner = clock.now() + 5 * SECOND;
    await lifecycle.renew(id, sooner, signal);
    await clock.advance(5 * SECOND);
    expect(world.store.list()).toEqual([]);
  });

  it('keeps the microseconds until the next renewal', async () => {
    const { lifecycle, signal, clock } = await start();
    const id = await world.running({}, { timeoutSeconds: 60 });
    const ms = clock.now() + 10 * MINUTE;
    expect(await lifecycle.renew(id, { ms, micros: 456 }, signal)).toBe(ms);
    expect(lifecycle.get(id).record).toMatchObject({ expiresAt: ms, expiresAtMicros: 456 });
    await lifecycle.renew(id, ms, signal);
    expect(lifecycle.get(id).record.expiresAtMicros).toBeUndefined();
  });

  it('survives a restart', async () => {
    const { lifecycle, signal, clock } = await start();
    const id = await world.running({}, { timeoutSeconds: 60 });
    await lifecycle.renew(id, clock.now() + 10 * MINUTE, signal);
    world.kill();
    await world.start();
    await clock.advance(9 * MINUTE);
    expect(world.state(id)).toBe('Running');
    await clock.advance(2 * MINUTE);
    expect(world.store.list()).toEqual([]);
  });

  it('checks existence, then the time, then whether there is a deadline at all', async () => {
    const { lifecycle, signal, clock } = await start();
    const manual = await world.running();
    const past = clock.now();
    await expect(lifecycle.renew(sandboxId('x'), past, signal)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(lifecycle.renew(manual, past, signal)).rejects.toMatchObject({
      kind: 'invalid',
      code: 'expiration.in_past',
      message: 'New expiration time must be in the future.',
    });
    await expect(lifecycle.renew(manual, past + 1, signal)).rejects.toMatchObject({
      kind: 'conflict',
      code: 'expiration.disabled',
      message: `Sandbox ${manual} does not have automatic expiration enabled.`,
    });
  });

  it('and expiry at the same instant: exactly one of them wins', async () => {
    const outcomes = new Set<string>();
    for (const renewFirst of [true, false]) {
      const { lifecycle, signal, clock } = await start();
      const id = await world.running({}, { timeoutSeconds: 60 });
      const due = world.record(id)?.expiresAt ?? 0;
      let renewing: Promise<string> = Promise.resolve('not asked');
      const ask = clock.at(renewFirst ? due - 1 : due, () => {
        renewing = lifecycle.renew(id, due + MINUTE, signal).then(
          () => 'renewed',
          (error: unknown) => (error instanceof Fault ? error.kind : 'broken'),
        );
      });
      await clock.advance(60 * SECOND);
      ask[Symbol.dispose]();
      const outcome = await renewing;
      outcomes.add(outcome);
      if (outcome === 'renewed') expect(world.state(id)).toBe('Running');
      else expect(world.store.list()).toEqual([]);
      await world.stop();
    }
    expect([...outcomes].sort()).toEqual(['not_found', 'renewed']);
  });

  it('many times leaves one timer', async () => {
    const { lifecycle, signal, clock } = await start();
    const id = await world.running({}, { timeoutSeconds: 60 });
    const before = clock.pending.length;
    for (let step = 1; step <= 500; step += 1) await lifecycle.renew(id, clock.now() + DAY + step, signal);
    expect(clock.pending).toHaveLength(before);
  });
});
