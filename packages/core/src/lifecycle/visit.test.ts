import { afterEach, describe, expect, it } from 'vitest';
import type { WorldOptions } from '../../test/world.ts';
import { MINUTE, SECOND, World } from '../../test/world.ts';
import { sandboxId } from '../sandbox.ts';

let world = new World();

async function start(options: WorldOptions = {}): Promise<World> {
  world = await new World(options).start();
  return world;
}

afterEach(async () => {
  await world.stop();
  world.engine[Symbol.dispose]();
  expect(world.clock.pending.map((timer) => timer.armedAt)).toEqual([]);
});

describe('visit', () => {
  it('answers with the address of a running sandbox without asking the engine', async () => {
    const { lifecycle, signal } = await start();
    const id = await world.running();
    world.engine.goAway();
    expect(await lifecycle.visit(id, 8080, signal)).toMatchObject({ port: 40_001, pathPrefix: '' });
    expect(await lifecycle.visit(id, 3000, signal)).toMatchObject({ pathPrefix: '/proxy/3000' });
    world.engine.comeBack();
  });

  it('waits a little for a sandbox that starts, and lets its visitor in', async () => {
    const { lifecycle, signal } = await start({ config: { imageMs: 2 * SECOND } });
    const { record } = await world.create();
    const waiting = lifecycle.visit(record.id, 8080, signal);
    await world.clock.advance(2 * SECOND);
    expect(await waiting).toMatchObject({ port: 40_001 });
  });

  it('sends a visitor away who should come back when the start takes longer', async () => {
    const { lifecycle, signal } = await start({ config: { imageMs: MINUTE } });
    const { record } = await world.create();
    const refused = expect(lifecycle.visit(record.id, 8080, signal)).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'sandbox.not_ready',
      retryAfterMs: 2000,
      message: `Sandbox ${record.id} cannot be reached yet: it is Pending. Ask again in a moment.`,
    });
    await world.clock.advance(5 * SECOND);
    await refused;
    await world.clock.advance(MINUTE);
  });

  it('tells the visitor of a paused sandbox that waiting does not help', async () => {
    const { lifecycle, signal } = await start();
    const id = await world.running();
    await lifecycle.pause(id, signal);
    await expect(lifecycle.visit(id, 8080, signal)).rejects.toMatchObject({ code: 'sandbox.paused' });
    await lifecycle.resume(id, signal);
    expect(await lifecycle.visit(id, 8080, signal)).toMatchObject({ port: 40_001 });
  });

  it('tells an id that was never heard of from one that is gone', async () => {
    const { lifecycle, signal } = await start();
    await expect(lifecycle.visit(sandboxId('x'), 80, signal)).rejects.toMatchObject({
      code: 'sandbox.not_found',
    });
    const id = await world.running();
    await lifecycle.destroy(id, signal);
    await expect(lifecycle.visit(id, 80, signal)).rejects.toMatchObject({
      code: 'sandbox.gone',
      message: `Sandbox ${id} is gone. It was removed.`,
    });
  });

  it('says that a failed start is the end, without the engine words that may name hosts', async () => {
    const { lifecycle, signal } = await start();
    const { record } = await world.create({ FAKE_FAIL: 'image.pull_failed' });
    await expect(lifecycle.visit(record.id, 80, signal)).rejects.toMatchObject({
      code: 'sandbox.gone',
      message: `Sandbox ${record.id} is gone. It is Failed (PROVISIONING_ERROR).`,
    });
  });

  it('refuses ports that no service can have', async () => {
    const { lifecycle, signal } = await start();
    for (const port of [0, 65_536]) {
      await expect(lifecycle.visit(sandboxId('x'), port, signal)).rejects.toMatchObject({
        code: 'port.invalid',
      });
    }
  });
});
