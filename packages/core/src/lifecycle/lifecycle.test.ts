import { Fault, Secret } from '@opensandbox/base';
import { MemoryStore, sampleSpec } from '@opensandbox/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { MINUTE, SECOND, World } from '../../test/world.ts';
import type { WorldOptions } from '../../test/world.ts';
import type { RuntimeDriver } from '../ports/runtime-driver.ts';
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

/** A driver whose engine cannot freeze. */
function withoutPausing(driver: RuntimeDriver): RuntimeDriver {
  const { name, admit, create, destroy, inspect, observe } = driver;
  return { name, admit, create, destroy, inspect, observe };
}

describe('create', () => {
  it('answers Pending at once and becomes Running when the agent answered', async () => {
    const { lifecycle, clock } = await start({ config: { imageMs: 5000, agentMs: 300 } });
    const created = await world.create();
    expect(created.status).toMatchObject({ state: 'Pending', reason: 'CONTAINER_STARTING' });
    await clock.advance(5000);
    const { id } = created.record;
    expect(lifecycle.get(id).status).toMatchObject({
      state: 'Pending',
      message: 'Waiting for the agent in the sandbox to answer.',
    });
    await clock.advance(300);
    expect(lifecycle.get(id).status).toMatchObject({
      state: 'Running',
      reason: 'CONTAINER_RUNNING',
      message: 'Sandbox container is running.',
    });
  });

  it('tells its progress while it is Pending', async () => {
    await start({ config: { imageMs: 5000 } });
    const { record } = await world.create();
    await world.settle();
    expect(world.lifecycle.get(record.id).status.message).toBe('Preparing the image.');
  });

  it('tells at once that the store refused, although the store does not even take it back', async () => {
    const busy = new Fault('unavailable', 'store.busy', 'The disk hangs.');
    const asked: string[] = [];
    class HangingStore extends MemoryStore {
      override insert(): Promise<void> {
        return Promise.reject(busy);
      }
      override remove(id: string): Promise<void> {
        asked.push(id);
        return new Promise(() => undefined);
      }
    }
    await start({ store: new HangingStore() });
    const outcome = world.create().catch((error: unknown) => error);
    await world.settle();
    expect(asked).toHaveLength(1);
    expect(await Promise.race([outcome, Promise.resolve('waits')])).toBe(busy);
  });

  it.each<[string, Parameters<World['create']>[1], string]>([
    ['an empty entrypoint', { spec: sampleSpec({ entrypoint: [] }) }, 'entrypoint.invalid'],
    ['bad metadata', { metadata: { 'a b': 'x' } }, 'metadata.invalid'],
    ['too long a timeout', { timeoutSeconds: 10n ** 20n }, 'parameter.invalid'],
  ])('refuses %s and writes nothing', async (_what, change, code) => {
    await start();
    await expect(world.create({}, change)).rejects.toMatchObject({ kind: 'invalid', code });
    expect(world.store.list()).toEqual([]);
  });

  it('passes on what the driver does not admit and writes nothing', async () => {
    await start();
    world.engine.failNext('admit', new Fault('unsupported', 'feature.unsupported', 'no GPUs here'));
    await expect(world.create()).rejects.toMatchObject({ code: 'feature.unsupported' });
    expect(world.store.list()).toEqual([]);
  });

  it('goes on when the client that asked for it has left', async () => {
    await start({ config: { imageMs: 1000 } });
    const client = new AbortController();
    const request = { spec: sampleSpec(), metadata: {}, timeoutSeconds: undefined };
    const { record } = await world.lifecycle.create(request, client.signal);
    client.abort();
    await world.clock.advance(1000);
    expect(world.state(record.id)).toBe('Running');
  });

  it('keeps registry credentials only until the image is there', async () => {
    await start({ config: { imageMs: 1000 } });
    const auth = { username: 'me', password: new Secret('s3cret') };
    const spec = sampleSpec({ source: { kind: 'image', uri: 'private:1', auth } });
    const { record } = await world.create({}, { spec });
    expect(world.record(record.id)?.spec.source).toMatchObject({ auth });
    await world.clock.advance(1000);
    expect(world.record(record.id)?.spec.source).toMatchObject({ auth: undefined });
  });

  it('provisions no more at once than it may, and all of them in the end', async () => {
    await start({ config: { createMs: 1000 }, options: { provisionConcurrency: 10 } });
    const all = await Promise.all(Array.from({ length: 50 }, () => world.create()));
    await world.clock.advance(1000);
    expect(world.engine.ids).toHaveLength(10);
    await world.clock.advance(4000);
    expect(all.map(({ record }) => world.state(record.id))).toEqual(all.map(() => 'Running'));
    expect(world.engine.ids).toHaveLength(50);
  });
});

describe('a provisioning that fails', () => {
  it('is kept, readable and with its reason, then goes; the engine has nothing of it', async () => {
    await start();
    const id = await world.running({ FAKE_FAIL: 'image.pull_failed' });
    const { status } = world.lifecycle.get(id);
    expect(status).toMatchObject({ state: 'Failed', reason: 'PROVISIONING_ERROR' });
    expect(status.message).toContain('Failed to pull image sample:latest');
    expect(world.engine.ids).toEqual([]);
    await world.clock.advance(3599 * SECOND);
    expect(world.state(id)).toBe('Failed');
    await world.clock.advance(10 * SECOND);
    expect(() => world.lifecycle.get(id)).toThrow('not found');
  });

  it('is kept for its time although its deadline comes earlier', async () => {
    await start();
    const id = await world.running({ FAKE_FAIL: 'image.pull_failed' }, { timeoutSeconds: 60 });
    await world.clock.advance(30 * MINUTE);
    expect(world.state(id)).toBe('Failed');
  });

  it('fails when the agent never answers, and removes the container', async () => {
    await start();
    const { record } = await world.create({ FAKE_AGENT: 'never' });
    await world.settle();
    expect(world.engine.ids).toEqual([record.id]);
    await world.clock.advance(61 * SECOND);
    expect(world.lifecycle.get(record.id).status).toMatchObject({
      state: 'Failed',
      reason: 'PROVISIONING_ERROR',
    });
    expect(world.engine.ids).toEqual([]);
  });

  it('shows the truth when the container ended before the agent answered', async () => {
    await start();
    const { record } = await world.create({
      FAKE_AGENT: 'never',
      FAKE_EXIT_AFTER_MS: '200',
      FAKE_EXIT_CODE: '3',
    });
    await world.clock.advance(200);
    expect(world.lifecycle.get(record.id).status).toMatchObject({
      state: 'Failed',
      reason: 'CONTAINER_EXITED_ERROR',
      message: 'Sandbox container exited with code 3.',
    });
    expect(world.engine.ids).toEqual([record.id]);
  });

  it('fails when an outsider removed the container before the agent answered', async () => {
    await start();
    const { record } = await world.create({ FAKE_AGENT: 'never' });
    await world.settle();
    world.engine.remove(record.id);
    await world.settle();
    expect(world.lifecycle.get(record.id).status).toMatchObject({
      state: 'Failed',
      reason: 'PROVISIONING_ERROR',
    });
  });

  it('cleans up later what it could not remove because the engine was away', async () => {
    await start({ config: { startMs: 1000 } });
    const { record } = await world.create();
    await world.clock.advance(500);
    world.engine.goAway();
    await world.clock.advance(60 * SECOND);
    expect(world.record(record.id)?.provisioning).toMatchObject({
      phase: 'failed',
      code: 'engine.unavailable',
    });
    expect(world.engine.ids).toEqual([record.id]);
    world.engine.comeBack();
    await world.clock.advance(30 * SECOND);
    expect(world.engine.ids).toEqual([]);
    expect(world.state(record.id)).toBe('Failed');
  });
});

describe('destroy', () => {
  it('removes the sandbox and its record, and says not found afterwards', async () => {
    const { lifecycle, signal } = await start();
    const id = await world.running();
    await lifecycle.destroy(id, signal);
    expect(world.engine.ids).toEqual([]);
    expect(world.store.list()).toEqual([]);
    await expect(lifecycle.destroy(id, signal)).rejects.toMatchObject({ code: 'sandbox.not_found' });
  });

  it('shares one removal among parallel calls', async () => {
    const { lifecycle, signal } = await start({ config: { destroyMs: 100 } });
    const id = await world.running();
    const all = [1, 2, 3, 4].map(() => lifecycle.destroy(id, signal));
    await world.settle();
    expect(world.state(id)).toBe('Stopping');
    await world.clock.advance(100);
    await Promise.all(all);
    expect(world.log.count('sandbox.removed')).toBe(1);
  });

  it('cuts a provisioning short', async () => {
    const { lifecycle, signal } = await start({ config: { imageMs: 60 * MINUTE } });
    const { record } = await world.create();
    await world.settle();
    await lifecycle.destroy(record.id, signal);
    expect(world.store.list()).toEqual([]);
    expect(world.engine.ids).toEqual([]);
  });

  it('goes on when the client has left', async () => {
    const { lifecycle } = await start({ config: { destroyMs: 100 } });
    const id = await world.running();
    const client = new AbortController();
    const destroying = lifecycle.destroy(id, client.signal);
    await world.settle();
    client.abort();
    await expect(destroying).rejects.toMatchObject({ kind: 'cancelled' });
    await world.clock.advance(100);
    expect(world.store.list()).toEqual([]);
  });

  it('tells the caller that the engine refused, keeps the intent and tries again', async () => {
    const { lifecycle, signal, engine } = await start();
    const id = await world.running({}, { timeoutSeconds: 86_400 });
    const refusal = new Fault('internal', 'sandbox.delete_failed', 'device busy');
    for (let time = 0; time < 3; time += 1) engine.failNext('destroy', refusal);
    await expect(lifecycle.destroy(id, signal)).rejects.toBe(refusal);
    expect(world.state(id)).toBe('Stopping');
    await world.clock.advance(10 * SECOND);
    expect(world.store.list()).toEqual([]);
    expect(engine.ids).toEqual([]);
  });

  it('works on a failed, an exited and a paused sandbox', async () => {
    const { lifecycle, signal } = await start();
    const failed = await world.running({ FAKE_FAIL: 'image.pull_failed' });
    const exited = await world.running({ FAKE_EXIT_AFTER_MS: '1' });
    const paused = await world.running();
    await lifecycle.pause(paused, signal);
    await world.clock.advance(1);
    await Promise.all([failed, exited, paused].map((id) => lifecycle.destroy(id, signal)));
    expect(world.store.list()).toEqual([]);
    expect(world.engine.ids).toEqual([]);
  });
});

describe('pause and resume', () => {
  it('freezes and thaws', async () => {
    const { lifecycle, signal } = await start();
    const id = await world.running();
    await lifecycle.pause(id, signal);
    expect(lifecycle.get(id).status).toMatchObject({ state: 'Paused', reason: 'CONTAINER_PAUSED' });
    await lifecycle.resume(id, signal);
    expect(world.state(id)).toBe('Running');
  });

  it('lets one of two callers win, and refuses the other', async () => {
    const { lifecycle, signal } = await start();
    const id = await world.running();
    const both = await Promise.allSettled([lifecycle.pause(id, signal), lifecycle.pause(id, signal)]);
    expect(both.map((one) => one.status)).toEqual(['fulfilled', 'rejected']);
    expect(both[1]).toMatchObject({
      reason: {
        kind: 'conflict',
        code: 'sandbox.not_running',
        message: 'Sandbox is not in a running state.',
      },
    });
    await lifecycle.resume(id, signal);
    await expect(lifecycle.resume(id, signal)).rejects.toMatchObject({
      kind: 'conflict',
      code: 'sandbox.not_paused',
      message: 'Sandbox is not in a paused state.',
    });
  });

  it('refuses what is Pending, exited or unknown, without waiting', async () => {
    const { lifecycle, signal } = await start({ config: { imageMs: 1000 } });
    const { record } = await world.create();
    await expect(lifecycle.pause(record.id, signal)).rejects.toMatchObject({ code: 'sandbox.not_running' });
    const exited = await world.running({ FAKE_EXIT_AFTER_MS: '0' });
    await expect(lifecycle.pause(exited, signal)).rejects.toMatchObject({ code: 'sandbox.not_running' });
    const missing = sandboxId('missing');
    await expect(lifecycle.pause(missing, signal)).rejects.toMatchObject({ code: 'sandbox.not_found' });
  });

  it('takes the intent back when the engine refuses', async () => {
    const { lifecycle, signal, engine } = await start();
    const id = await world.running();
    engine.failNext('pause', new Fault('internal', 'sandbox.pause_failed', 'no freezer'));
    await expect(lifecycle.pause(id, signal)).rejects.toMatchObject({ code: 'sandbox.pause_failed' });
    expect(world.record(id)?.intent).toBe('run');
    expect(world.state(id)).toBe('Running');
  });

  it('follows somebody who pauses and thaws at the engine', async () => {
    const { lifecycle, signal, engine } = await start();
    const id = await world.running();
    engine.pause(id);
    await world.settle();
    expect(world.state(id)).toBe('Paused');
    await lifecycle.resume(id, signal);
    await lifecycle.pause(id, signal);
    engine.unpause(id);
    await world.settle();
    expect(world.state(id)).toBe('Running');
  });

  it('says so when the runtime cannot pause', async () => {
    const without = await start({ driver: withoutPausing });
    const id = await world.running();
    await expect(without.lifecycle.pause(id, without.signal)).rejects.toMatchObject({ kind: 'unsupported' });
  });
});

describe('patchMetadata', () => {
  it('sets, deletes and keeps; what was deleted stays deleted', async () => {
    const { lifecycle, signal } = await start();
    const id = await world.running({}, { metadata: { a: '1', b: '2' } });
    await lifecycle.patchMetadata(id, { a: undefined, gone: undefined }, signal);
    const patched = await lifecycle.patchMetadata(id, { c: '3' }, signal);
    expect(patched.record.metadata).toEqual({ b: '2', c: '3' });
  });

  it('looks for the sandbox first, then for reserved keys, then at the grammar', async () => {
    const { lifecycle, signal } = await start();
    const bad = { 'opensandbox.io/x': undefined, 'a b': '1' };
    await expect(lifecycle.patchMetadata(sandboxId('x'), bad, signal)).rejects.toMatchObject({
      kind: 'not_found',
    });
    const id = await world.running();
    await expect(lifecycle.patchMetadata(id, bad, signal)).rejects.toMatchObject({
      code: 'metadata.reserved',
    });
    await expect(lifecycle.patchMetadata(id, { 'a b': '1' }, signal)).rejects.toMatchObject({
      code: 'metadata.invalid',
    });
    await lifecycle.patchMetadata(id, { 'a b': undefined }, signal);
  });

  it('keeps what two callers change at once', async () => {
    const { lifecycle, signal } = await start();
    const id = await world.running();
    await Promise.all(['a', 'b'].map((key) => lifecycle.patchMetadata(id, { [key]: '1' }, signal)));
    expect(lifecycle.get(id).record.metadata).toEqual({ a: '1', b: '1' });
  });
});

describe('waitSettled', () => {
  it('answers as soon as the sandbox left Pending', async () => {
    const { lifecycle, signal } = await start({ config: { imageMs: 1000 } });
    const { record } = await world.create();
    const waiting = lifecycle.waitSettled(record.id, MINUTE, signal);
    await world.clock.advance(1000);
    expect((await waiting).status.state).toBe('Running');
  });

  it('answers with what there is when the wait has passed', async () => {
    const { lifecycle, signal } = await start({ config: { imageMs: MINUTE } });
    const { record } = await world.create();
    const waiting = lifecycle.waitSettled(record.id, 5 * SECOND, signal);
    await world.clock.advance(5 * SECOND);
    expect((await waiting).status.state).toBe('Pending');
  });
});
