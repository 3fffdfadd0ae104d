import { Fault } from '@opensandbox/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MINUTE, SECOND, World } from '../../test/world.ts';
import type { SandboxId } from '../sandbox.ts';
import { sandboxId } from '../sandbox.ts';
import type { ScopedWish } from './diagnostics.ts';

let world: World;

beforeEach(async () => {
  world = await new World().start();
});

afterEach(() => world.stop());

function collect(id: SandboxId, change: Partial<ScopedWish> = {}) {
  const usual = { kind: 'events', scope: 'lifecycle', lines: 100, limit: 100, maxBytes: 1000 } as const;
  return world.lifecycle.diagnostics.collect(id, { ...usual, since: undefined, ...change }, world.signal);
}

/** The words of the lifecycle text, without times and messages. */
async function eventsOf(id: SandboxId): Promise<string[]> {
  const { text } = await collect(id);
  return text.split('\n').flatMap((line) => line.split(' ')[2] ?? []);
}

describe('the lifecycle of a sandbox', () => {
  it('is told from its creation to its removal, step by step', async () => {
    const id = await world.running({}, { timeoutSeconds: 600 });
    await world.lifecycle.pause(id, world.signal);
    await world.lifecycle.resume(id, world.signal);
    await world.lifecycle.renew(id, world.clock.now() + 60 * MINUTE, world.signal);
    await world.lifecycle.patchMetadata(id, { a: 'b' }, world.signal);
    const events = await eventsOf(id);
    expect(events).toEqual([
      'Accepted',
      'PreparingImage',
      'Creating',
      'Starting',
      'Starting',
      'Running',
      'WaitingForAgent',
      'Ready',
      'Pausing',
      'Paused',
      'Resuming',
      'Running',
      'Renewed',
      'MetadataChanged',
    ]);
    await world.lifecycle.destroy(id, world.signal);
    await expect(collect(id)).rejects.toMatchObject({ code: 'sandbox.not_found' });
  });

  it('is told of a sandbox that failed, with the reason', async () => {
    const id = await world.running({ FAKE_FAIL: 'image.pull_failed' });
    const { text } = await collect(id);
    expect(text).toMatch(/ lifecycle Failed Failed to pull image .*\(image\.pull_failed\)\n$/);
  });

  it('is told of a sandbox that ended', async () => {
    const id = await world.running({ FAKE_OOM_AFTER_MS: '5000' });
    await world.clock.advance(6 * SECOND);
    expect((await collect(id)).text).toContain('Exited The main process ended with code 137, out of memory.');
  });

  it('says that a restart of the server cut it', async () => {
    const id = await world.running();
    expect((await collect(id)).warnings).toEqual([]);
    await world.stop();
    await world.start();
    const told = await collect(id);
    expect(told.warnings.join()).toContain('was started after the sandbox was made');
    expect(told.text).toMatch(/^\S+ lifecycle Running /);
  });

  it('can be cut to the newest entries', async () => {
    const id = await world.running();
    expect(await collect(id, { limit: 1 })).toMatchObject({ isTruncated: true });
    expect((await collect(id, { limit: 1 })).text).toMatch(/^\S+ lifecycle Ready .*\n$/);
    const since = world.clock.now() + 1;
    expect((await collect(id, { kind: 'logs', since })).text).toBe('');
  });
});

describe('a sandbox without a container', () => {
  it('is described by what is known when it is pending', async () => {
    const { record } = await world.create({ FAKE_IMAGE_MS: '60000' });
    await world.settle();
    const { diagnostics } = world.lifecycle;
    const facts = await diagnostics.describe(record.id, world.signal);
    expect(facts.text).toMatch(/^Sandbox ID: {5}\S+\nImage: {10}\S+\nStatus: {9}Pending\n/);
    const events = await diagnostics.events(record.id, 50, world.signal);
    expect(events.text).toMatch(/^Container: {2}\(none\)\nStatus: {5}Pending - /);
    expect(events.text).toMatch(/\nEvent: {6}\S+ PreparingImage /);
    const logs = { lines: 5, since: undefined, maxBytes: 100 };
    expect((await diagnostics.logs(record.id, logs, world.signal)).text).toBe('');
  });

  it('is described when it failed, and says why there is nothing to read', async () => {
    const id = await world.running({ FAKE_FAIL: 'sandbox.start_failed' });
    const told = await collect(id, { scope: 'container' });
    expect(told).toMatchObject({ text: '', isTruncated: false });
    expect(told.warnings).toEqual([expect.stringContaining('which is Failed. The sandbox')]);
    const all = await collect(id, { scope: 'all' });
    expect(all.text).toContain('==> lifecycle <==\n');
    expect(all.text).toContain('sandbox.start_failed');
    expect(all.warnings).toHaveLength(1);
  });

  it('is not found when it never was', async () => {
    const id = sandboxId('nobody');
    const logs = { lines: 5, since: undefined, maxBytes: 100 };
    const { diagnostics } = world.lifecycle;
    await expect(diagnostics.describe(id, world.signal)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(diagnostics.logs(id, logs, world.signal)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(diagnostics.events(id, 1, world.signal)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(collect(id, { scope: 'all' })).rejects.toMatchObject({ kind: 'not_found' });
  });
});

describe('what the engine tells', () => {
  it('is handed on, in one text or by scope', async () => {
    const id = await world.running({ FAKE_LOG: 'one\ntwo' });
    const container = await collect(id, { kind: 'logs', scope: 'container', lines: 1 });
    expect(container.text).toBe('two\n');
    const all = await collect(id, { kind: 'logs', scope: 'all' });
    expect(all.text).toContain('==> container <==\none\ntwo\n\n==> runtime <==\nStatus: running\n');
  });

  it('is a warning in a scope, and a fault by itself, when the engine is away', async () => {
    const id = await world.running({ FAKE_LOG: 'one' });
    world.engine.goAway();
    const told = await collect(id, { kind: 'logs', scope: 'container' });
    expect(told).toMatchObject({ text: '', warnings: [expect.stringContaining('could not be read: ')] });
    const all = await collect(id, { scope: 'all' });
    expect(all.text).toContain('lifecycle Ready');
    await expect(world.lifecycle.diagnostics.describe(id, world.signal)).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });

  it('never shows the words of an engine that failed', async () => {
    const id = await world.running();
    world.engine.failNext('diagnose', new Fault('internal', 'engine.failed', 'password=hunter2'));
    const told = await collect(id, { scope: 'runtime' });
    expect(told.warnings).toEqual(['The runtime events could not be read.']);
  });
});

describe('a runtime without diagnostics', () => {
  it('is unsupported, but for the lifecycle', async () => {
    const bare = await new World({
      driver: ({ diagnostics, ...driver }) => {
        expect(diagnostics).toBeDefined();
        return driver;
      },
    }).start();
    const previous = world;
    world = bare;
    await previous.stop();
    const id = await bare.running();
    const unsupported = { kind: 'unsupported', code: 'diagnostics.unsupported' };
    await expect(collect(id, { scope: 'container' })).rejects.toMatchObject(unsupported);
    await expect(bare.lifecycle.diagnostics.describe(id, bare.signal)).rejects.toMatchObject(unsupported);
    expect((await collect(id)).text).toContain('Ready');
    expect((await collect(id, { scope: 'all' })).text).toContain('==> lifecycle <==');
  });
});
