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

describe('resolve', () => {
  it('answers with the published port, or with the agent that forwards', async () => {
    const { lifecycle, signal } = await start();
    const id = await world.running();
    expect(await lifecycle.resolve(id, 8080, signal)).toMatchObject({ port: 40_001, pathPrefix: '' });
    expect(await lifecycle.resolve(id, 3000, signal)).toMatchObject({
      port: 40_000,
      pathPrefix: '/proxy/3000',
    });
  });

  it('looks at the port before it looks for the sandbox', async () => {
    const { lifecycle, signal } = await start();
    const missing = sandboxId('x');
    await expect(lifecycle.resolve(missing, 0, signal)).rejects.toMatchObject({ code: 'port.invalid' });
    await expect(lifecycle.resolve(missing, 80, signal)).rejects.toMatchObject({ code: 'sandbox.not_found' });
  });

  it('waits for a Pending sandbox until it is ready', async () => {
    const { lifecycle, signal } = await start({ config: { imageMs: MINUTE, agentMs: 500 } });
    const { record } = await world.create();
    let isDone = false;
    const waiting = lifecycle.resolve(record.id, 44772, signal).finally(() => (isDone = true));
    await world.clock.advance(MINUTE);
    expect(isDone).toBe(false);
    await world.clock.advance(500);
    expect(await waiting).toMatchObject({ pathPrefix: '/proxy/44772' });
  });

  it('rejects with what ended the provisioning, now and ever after, also after a restart', async () => {
    await start({ config: { imageMs: SECOND } });
    const { record } = await world.create({ FAKE_FAIL: 'image.pull_failed' });
    const typed = { kind: 'internal', code: 'image.pull_failed' };
    const waiting = expect(world.lifecycle.resolve(record.id, 44772, world.signal)).rejects.toMatchObject(
      typed,
    );
    await world.clock.advance(SECOND);
    await waiting;
    await expect(world.lifecycle.resolve(record.id, 18080, world.signal)).rejects.toMatchObject(typed);
    await world.stop();
    await world.start();
    await expect(world.lifecycle.resolve(record.id, 18080, world.signal)).rejects.toMatchObject(typed);
  });

  it('rejects at once when the sandbox is deleted meanwhile', async () => {
    const { lifecycle, signal } = await start({ config: { imageMs: MINUTE } });
    const { record } = await world.create();
    const waiting = expect(lifecycle.resolve(record.id, 80, signal)).rejects.toMatchObject({
      kind: 'not_found',
      code: 'sandbox.deleted',
    });
    await world.settle();
    await lifecycle.destroy(record.id, signal);
    await waiting;
  });

  it('rejects at once when the container ends before the agent answered', async () => {
    const { lifecycle, signal } = await start();
    const { record } = await world.create({
      FAKE_AGENT: 'never',
      FAKE_EXIT_AFTER_MS: '100',
      FAKE_EXIT_CODE: '7',
    });
    const waiting = expect(lifecycle.resolve(record.id, 80, signal)).rejects.toMatchObject({
      kind: 'conflict',
      code: 'sandbox.not_running',
      message: expect.stringContaining('exited with code 7') as string,
    });
    await world.clock.advance(100);
    await waiting;
  });

  it('gives up after the longest wait and says what it waited for', async () => {
    const { lifecycle, signal } = await start({ config: { imageMs: 60 * MINUTE } });
    const { record } = await world.create();
    const waiting = expect(lifecycle.resolve(record.id, 80, signal)).rejects.toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('Preparing the image.') as string,
    });
    await world.clock.advance(180 * SECOND);
    await waiting;
  });

  it('stops waiting when the client leaves', async () => {
    const { lifecycle } = await start({ config: { imageMs: MINUTE } });
    const { record } = await world.create();
    const client = new AbortController();
    const waiting = expect(lifecycle.resolve(record.id, 80, client.signal)).rejects.toMatchObject({
      kind: 'cancelled',
    });
    client.abort();
    await waiting;
  });

  it('still answers for a paused sandbox', async () => {
    const { lifecycle, signal } = await start();
    const id = await world.running();
    await lifecycle.pause(id, signal);
    expect(await lifecycle.resolve(id, 8080, signal)).toMatchObject({ port: 40_001 });
  });
});
