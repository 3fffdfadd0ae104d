import { Fault, sleep } from '@opensandbox/base';
import { MemoryStore, newSandboxId, sampleSpec } from '@opensandbox/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { MINUTE, SECOND, World } from '../../test/world.ts';
import type { WorldOptions } from '../../test/world.ts';
import type { RuntimeDriver } from '../ports/runtime-driver.ts';
import type { SandboxId, SandboxRecord } from '../sandbox.ts';
import type { SnapshotRecord } from './snapshot.ts';
import { acceptedSnapshot } from './snapshot.ts';

let world = new World();

async function start(options: WorldOptions = {}): Promise<World> {
  world = await new World(options).start();
  return world;
}

const SLOW = { config: { captureMs: 10 * SECOND } };

afterEach(async () => {
  await world.clock.advance(20 * SECOND);
  await world.stop();
  world.engine[Symbol.dispose]();
  expect(world.clock.pending.map((timer) => timer.armedAt)).toEqual([]);
});

const snapshots = () => world.lifecycle.snapshots;
const take = (id: SandboxId, name?: string) => snapshots().create(id, name);
const remove = (id: string) => snapshots().remove(id, world.signal);
const state = (id: string) => snapshots().get(id).state;

async function ended(id: string): Promise<SnapshotRecord> {
  await world.clock.advanceUntil(() => state(id) !== 'Creating');
  return snapshots().get(id);
}

async function made(): Promise<{ readonly sandbox: SandboxId; readonly id: string }> {
  const sandbox = await world.running();
  const { id } = await take(sandbox);
  await ended(id);
  return { sandbox, id };
}

function restore(snapshotId: string): Promise<SandboxId> {
  const source = { kind: 'snapshot' as const, snapshotId, image: snapshots().imageOf(snapshotId) };
  return world.running({}, { spec: sampleSpec({ source }) });
}

describe('taking a snapshot', () => {
  it('answers Creating at once and becomes Ready in the background', async () => {
    await start(SLOW);
    const sandbox = await world.running();
    const record = await take(sandbox, 'mine');
    expect(record).toMatchObject({ state: 'Creating', reason: 'snapshot_accepted', name: 'mine' });
    await world.clock.advance(3 * SECOND);
    expect(snapshots().get(record.id)).toMatchObject({
      state: 'Creating',
      message: 'Copying the file system: 3 s so far.',
    });
    expect(await ended(record.id)).toMatchObject({ state: 'Ready', reason: 'snapshot_runtime_ready' });
    expect(world.snapshots.get(record.id)?.image).toBe(snapshots().imageOf(record.id));
  });

  it('shows its source as Running and refuses to pause or resume it meanwhile', async () => {
    const { lifecycle, signal } = await start(SLOW);
    const sandbox = await world.running();
    await take(sandbox);
    await world.settle();
    expect(world.engine.read(sandbox)?.phase).toBe('paused');
    expect(world.state(sandbox)).toBe('Running');
    const capturing = { kind: 'conflict', code: 'snapshot.capturing' };
    await expect(lifecycle.pause(sandbox, signal)).rejects.toMatchObject(capturing);
    await expect(lifecycle.resume(sandbox, signal)).rejects.toMatchObject(capturing);
    await world.clock.advance(11 * SECOND);
    expect(world.state(sandbox)).toBe('Running');
    expect(world.record(sandbox)?.intent).toBe('run');
    await lifecycle.pause(sandbox, signal);
  });

  it('accepts a source that is paused, and leaves it paused', async () => {
    const { lifecycle, signal } = await start();
    const sandbox = await world.running();
    await lifecycle.pause(sandbox, signal);
    const { id } = await take(sandbox);
    expect((await ended(id)).state).toBe('Ready');
    expect(world.state(sandbox)).toBe('Paused');
  });

  it.each(['Pending', 'Terminated'])('refuses a source that is %s', async (source) => {
    await start({ config: { imageMs: source === 'Pending' ? MINUTE : 0 } });
    const sandbox = source === 'Pending' ? (await world.create()).record.id : await world.running();
    if (source === 'Terminated') world.engine.kill(sandbox, 0);
    await world.settle();
    expect(world.state(sandbox)).toBe(source);
    await expect(take(sandbox)).rejects.toMatchObject({ kind: 'conflict', code: 'snapshot.source_state' });
    await expect(take(newSandboxId())).rejects.toMatchObject({ code: 'sandbox.not_found' });
    expect(world.snapshots.list()).toEqual([]);
  });

  it('is refused by a driver that keeps none, once the sandbox and its state are found right', async () => {
    const without = ({ name, admit, create, destroy, inspect, observe }: RuntimeDriver): RuntimeDriver => {
      return { name, admit, create, destroy, inspect, observe };
    };
    await start({ driver: without });
    const sandbox = await world.running();
    await expect(take(newSandboxId())).rejects.toMatchObject({ code: 'sandbox.not_found' });
    await expect(take(sandbox)).rejects.toMatchObject({ kind: 'unsupported', code: 'snapshot.unsupported' });
    world.engine.kill(sandbox, 0);
    await world.settle();
    await expect(take(sandbox)).rejects.toMatchObject({ code: 'snapshot.source_state' });
  });

  it('keeps the order of requests that come in the same millisecond', async () => {
    await start(SLOW);
    const sandbox = await world.running();
    const taken = [await take(sandbox), await take(sandbox), await take(sandbox)];
    const query = { sandboxId: sandbox, name: undefined, states: undefined, page: 1, pageSize: 9 };
    const listed = snapshots()
      .list(query)
      .items.map(({ id }) => id);
    expect(listed).toEqual(taken.map(({ id }) => id).reverse());
    await world.clock.advance(MINUTE);
    expect(taken.map(({ id }) => state(id))).toEqual(['Ready', 'Ready', 'Ready']);
  });

  it('removes a source only after its capture, and fails what still waited for it', async () => {
    const { lifecycle, signal, clock } = await start(SLOW);
    const sandbox = await world.running();
    const [first, second] = [await take(sandbox), await take(sandbox)];
    await world.settle();
    const removal = lifecycle.destroy(sandbox, signal);
    await clock.advance(SECOND);
    expect(world.engine.read(sandbox)).toBeDefined();
    await clock.advance(10 * SECOND);
    await removal;
    expect(state(first.id)).toBe('Ready');
    expect(await ended(second.id)).toMatchObject({
      state: 'Failed',
      reason: 'snapshot_runtime_failed',
      message: `Sandbox ${sandbox} not found.`,
    });
  });

  it('tells why the engine could not do it', async () => {
    await start();
    const sandbox = await world.running();
    world.engine.images.failures.push(new Fault('internal', 'engine.failed', 'disk full'));
    const { id } = await take(sandbox);
    expect(await ended(id)).toMatchObject({
      state: 'Failed',
      reason: 'snapshot_runtime_failed',
      message: 'The fake engine could not copy the files.',
      image: undefined,
    });
    expect(world.state(sandbox)).toBe('Running');
  });

  it('tells a timeout apart, thaws the source, and removes what the engine makes afterwards', async () => {
    await start(SLOW);
    const sandbox = await world.running();
    const { id } = await take(sandbox);
    await world.clock.advance(2 * SECOND);
    world.engine.failNext('capture', new Fault('timeout', 'engine.timeout', 'It took too long.'));
    expect(await ended(id)).toMatchObject({ state: 'Failed', reason: 'snapshot_runtime_timeout' });
    expect(world.engine.read(sandbox)?.phase).toBe('running');
    await world.clock.advanceUntil(() => world.engine.images.has(id));
    await world.clock.advance(2 * MINUTE);
    expect(world.engine.images.ids).toEqual([]);
    expect(state(id)).toBe('Failed');
  });

  it('waits for an engine that went away during the capture, and thaws what that left frozen', async () => {
    await start(SLOW);
    const sandbox = await world.running();
    const { id } = await take(sandbox);
    await world.clock.advance(SECOND);
    world.engine.goAway();
    world.engine.images.forgetWork();
    await world.clock.advance(5 * SECOND);
    expect(snapshots().get(id)).toMatchObject({ state: 'Creating' });
    world.engine.comeBack();
    expect((await ended(id)).reason).toMatch(/^snapshot_recovery_/);
    await world.clock.advance(MINUTE);
    expect(world.engine.read(sandbox)?.phase).toBe('running');
    expect(world.state(sandbox)).toBe('Running');
  });

  it('lets the engine finish a capture whose link broke before it begins the next of that sandbox', async () => {
    await start(SLOW);
    const sandbox = await world.running();
    const [first, second] = [await take(sandbox), await take(sandbox)];
    await world.clock.advance(SECOND);
    world.engine.failNext('capture', new Fault('unavailable', 'engine.unavailable', 'The link broke.'));
    await world.clock.advanceUntil(() => world.engine.images.isUnderWay(second.id));
    expect(world.engine.images.has(first.id)).toBe(true);
    expect((await ended(second.id)).state).toBe('Ready');
    expect(snapshots().get(first.id)).toMatchObject({ state: 'Ready', reason: 'snapshot_recovery_ready' });
  });

  it('refuses a request when a thousand wait already', async () => {
    await start(SLOW);
    const sandbox = await world.running();
    for (let count = 0; count < 1000; count += 1) await take(sandbox);
    await expect(take(sandbox)).rejects.toMatchObject({ kind: 'exhausted', code: 'snapshot.queue_full' });
    await world.stop();
    await world.start();
  });
});

describe('deleting a snapshot', () => {
  it('removes the image and the record, and does not know it afterwards', async () => {
    await start();
    const { id } = await made();
    await remove(id);
    expect(world.engine.images.ids).toEqual([]);
    await expect(remove(id)).rejects.toMatchObject({ kind: 'not_found', code: 'snapshot.not_found' });
  });

  it('refuses while it is being made', async () => {
    await start(SLOW);
    const { id } = await take(await world.running());
    await expect(remove(id)).rejects.toMatchObject({
      code: 'snapshot.state',
      message: `Snapshot ${id} is still being created and cannot be deleted`,
    });
  });

  it('serves callers who delete at the same time alike', async () => {
    await start();
    const { id } = await made();
    await Promise.all([remove(id), remove(id), remove(id)]);
    expect(world.snapshots.list()).toEqual([]);
  });

  it('stays Deleting while sandboxes use it, and goes by itself when they are gone', async () => {
    const { lifecycle, signal, clock } = await start();
    const { id } = await made();
    const copy = await restore(id);
    await expect(remove(id)).rejects.toMatchObject({ code: 'snapshot.delete_conflict' });
    expect(state(id)).toBe('Deleting');
    expect(() => snapshots().imageOf(id)).toThrow(expect.objectContaining({ code: 'snapshot.not_ready' }));
    await clock.advance(10 * MINUTE);
    expect(state(id)).toBe('Deleting');
    await lifecycle.destroy(copy, signal);
    await clock.advance(6 * MINUTE);
    expect(world.snapshots.list()).toEqual([]);
    expect(world.engine.images.ids).toEqual([]);
    await remove(id); // who was told to try again has succeeded meanwhile
    await expect(remove(id)).rejects.toMatchObject({ code: 'snapshot.not_found' });
  });

  it('waits for a sandbox that is still being restored', async () => {
    const { lifecycle, signal } = await start({ config: { imageMs: MINUTE } });
    const sandbox = await world.running();
    const { id } = await take(sandbox);
    await ended(id);
    const source = { kind: 'snapshot' as const, snapshotId: id, image: snapshots().imageOf(id) };
    const { record } = await world.create({}, { spec: sampleSpec({ source }) });
    await expect(remove(id)).rejects.toMatchObject({ code: 'snapshot.delete_conflict' });
    await lifecycle.destroy(record.id, signal);
    await remove(id);
  });

  it('waits for a sandbox that was promised and is still on its way to a slow store', async () => {
    const disk = { ready: Promise.resolve() };
    class SlowStore extends MemoryStore {
      override async insert(record: SandboxRecord): Promise<void> {
        await disk.ready;
        await super.insert(record);
      }
    }
    await start({ store: new SlowStore() });
    const { id } = await made();
    const source = { kind: 'snapshot' as const, snapshotId: id, image: snapshots().imageOf(id) };
    let release = (): void => undefined;
    disk.ready = new Promise((resolve) => (release = resolve));
    const creating = world.create({}, { spec: sampleSpec({ source }) });
    await world.settle();
    await expect(remove(id)).rejects.toMatchObject({ code: 'snapshot.delete_conflict' });
    release();
    const { record } = await creating;
    await world.clock.advanceUntil(() => world.record(record.id)?.provisioning.phase === 'ready');
    await world.lifecycle.destroy(record.id, world.signal);
    await remove(id);
  });

  it('given up by its capture, also removes what the engine makes of it afterwards', async () => {
    await start(SLOW);
    const { id } = await take(await world.running());
    await world.clock.advance(2 * SECOND);
    world.engine.failNext('capture', new Fault('timeout', 'engine.timeout', 'It took too long.'));
    expect((await ended(id)).state).toBe('Failed');
    world.engine.failNext('forget', new Fault('internal', 'snapshot.failed', 'no'));
    await expect(remove(id)).rejects.toMatchObject({ code: 'snapshot.failed' });
    await remove(id);
    await world.clock.advanceUntil(() => world.engine.images.has(id));
    await world.clock.advance(2 * MINUTE);
    expect(world.engine.images.ids).toEqual([]);
  });

  it('and restoring it at the same time: one of them is refused', async () => {
    await start();
    const { id } = await made();
    const source = { kind: 'snapshot' as const, snapshotId: id, image: snapshots().imageOf(id) };
    const outcomes = await Promise.allSettled([
      world.create({}, { spec: sampleSpec({ source }) }),
      remove(id),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('after a restart', () => {
  it('a capture that the engine finishes becomes Ready, and its source was Running all the time', async () => {
    await start(SLOW);
    const sandbox = await world.running();
    const { id } = await take(sandbox);
    await world.clock.advance(SECOND);
    world.kill();
    await world.start();
    expect(state(id)).toBe('Creating');
    expect(world.state(sandbox)).toBe('Running');
    expect(await ended(id)).toMatchObject({ state: 'Ready', reason: 'snapshot_recovery_ready' });
    expect(world.record(sandbox)?.intent).toBe('run');
    expect(world.state(sandbox)).toBe('Running');
  });

  it('what a dead engine left frozen is thawed before its capture counts as ended', async () => {
    const slowly = (inner: RuntimeDriver): RuntimeDriver => {
      const { pausing } = inner;
      if (pausing === undefined) return inner;
      const resume: typeof pausing.resume = async (id, signal) => {
        await sleep(world.clock, SECOND, signal);
        return pausing.resume(id, signal);
      };
      return { ...inner, pausing: { ...pausing, resume } };
    };
    await start({ ...SLOW, driver: slowly });
    const sandbox = await world.running();
    const { id } = await take(sandbox);
    await world.clock.advance(SECOND);
    world.kill();
    world.engine.images.forgetWork();
    await world.start();
    expect((await ended(id)).reason).toBe('snapshot_recovery_missing_image');
    expect(world.engine.read(sandbox)?.phase).toBe('running');
  });

  it('a capture that nobody began is Failed', async () => {
    await start();
    await world.stop();
    await world.snapshots.insert(
      acceptedSnapshot({ id: 'lost', sandboxId: newSandboxId(), name: undefined }, 1_000_000),
    );
    await world.start();
    expect(await ended('lost')).toMatchObject({
      state: 'Failed',
      reason: 'snapshot_recovery_missing_image',
    });
  });

  it('an engine that is away keeps nothing from starting, and decides when it is back', async () => {
    await start(SLOW);
    const sandbox = await world.running();
    const { id } = await take(sandbox);
    await world.clock.advance(SECOND);
    world.kill();
    world.engine.failNext('recover', new Fault('unavailable', 'engine.unavailable', 'away'));
    await world.start();
    expect(snapshots().get(id).message).toBe('Waiting for the engine to answer: 0 s so far.');
    expect((await ended(id)).state).toBe('Ready');
  });

  it('an engine that cannot say what it has makes it Failed', async () => {
    await start(SLOW);
    const { id } = await take(await world.running());
    await world.clock.advance(SECOND);
    world.kill();
    world.engine.failNext('recover', new Fault('internal', 'snapshot.failed', 'a broken store'));
    await world.start();
    expect(await ended(id)).toMatchObject({
      state: 'Failed',
      reason: 'snapshot_recovery_inspect_failed',
      message: 'a broken store',
    });
  });

  it('an engine that never says what it has makes it Failed in the end', async () => {
    await start(SLOW);
    const { id } = await take(await world.running());
    await world.clock.advance(SECOND);
    world.kill();
    const slow = new Fault('timeout', 'engine.timeout', 'It took too long.');
    for (let time = 0; time < 10; time += 1) world.engine.failNext('recover', slow);
    await world.start();
    expect(await ended(id)).toMatchObject({ state: 'Failed', reason: 'snapshot_recovery_inspect_failed' });
  });

  it('a removal is taken up again', async () => {
    await start();
    const { id } = await made();
    world.engine.failNext('forget', new Fault('internal', 'snapshot.failed', 'no'));
    await expect(remove(id)).rejects.toMatchObject({ code: 'snapshot.failed' });
    world.kill();
    await world.start();
    await world.clock.advance(SECOND);
    expect(world.snapshots.list()).toEqual([]);
  });

  it('a snapshot in a state that nobody here knows is shown, and left alone', async () => {
    await start();
    await world.stop();
    const record = acceptedSnapshot({ id: 'old', sandboxId: newSandboxId(), name: undefined }, 1_000_000);
    await world.snapshots.insert({ ...record, state: 'Archived' });
    await world.start();
    await world.clock.advance(10 * MINUTE);
    expect(state('old')).toBe('Archived');
    await expect(remove('old')).rejects.toMatchObject({ code: 'snapshot.state' });
  });
});
