import { captureLog, FakeClock, settle } from '@opensandbox/testkit';
import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { MemoryAgentEngine } from '../../test/memory-agent-engine.ts';
import type { AgentVolumes, VolumeContent } from './agent-volume.ts';
import { createAgentVolumes } from './agent-volume.ts';
import { PATIENCE_MS } from './carrier.ts';
import type { LayoutEntry } from './layout.ts';
import { formatManifest, manifestOf, MARKER } from './manifest.ts';

const { signal } = new AbortController();
const ENTRIES: readonly LayoutEntry[] = [
  { kind: 'file', path: 'execd', mode: 0o755, size: 5, source: Buffer.from('agent') },
  { kind: 'directory', path: 'lib' },
  { kind: 'file', path: 'lib/loader.so', mode: 0o755, size: 3, source: Buffer.from('elf') },
  { kind: 'link', path: '.env', target: '/tmp/env' },
];
const NAME = 'opensandbox-agent-1';
const CARRIER = `${NAME}-carrier`;
const CONTENT: VolumeContent = {
  name: NAME,
  version: 'v1',
  carrierImage: 'image',
  manifest: manifestOf(ENTRIES),
  readEntries: () => Promise.resolve(ENTRIES),
};

function setUp() {
  const memory = new MemoryAgentEngine();
  const clock = new FakeClock();
  const log = captureLog();
  const life = new AbortController();
  const open = (owner: string): AgentVolumes =>
    createAgentVolumes({ engine: memory.engine, clock, log, instance: 'mine', owner }, life.signal);
  /** Advances until the volume is there; the time it took. */
  async function fill(volumes: AgentVolumes, content = CONTENT): Promise<number> {
    const startedAt = clock.now();
    let isDone = false;
    const filling = volumes.ensure(content, signal).finally(() => (isDone = true));
    filling.catch(() => undefined); // awaited below
    await clock.advanceUntil(() => isDone, 100);
    await filling;
    return clock.now() - startedAt;
  }
  const fileOf = (path: string): string | undefined => memory.volumes.get(NAME)?.files.get(path)?.toString();
  return { memory, clock, log, open, fill, fileOf };
}

type SetUp = ReturnType<typeof setUp>;

function foreignCarrier({ memory }: SetUp, created: number): string {
  const labels = { 'opensandbox.io/carrier-owner': 'other' };
  return memory.addContainer({ name: CARRIER, volume: NAME, created, labels }).id;
}

function completeVolume({ memory }: SetUp): void {
  const { files } = memory.addVolume(NAME);
  for (const entry of ENTRIES) if (entry.kind === 'file') files.set(entry.path, entry.source as Buffer);
  files.set(MARKER, formatManifest(manifestOf(ENTRIES)));
}

describe('an agent volume', () => {
  it('is filled once, through a carrier that is removed again', async () => {
    const test = setUp();
    const volumes = test.open('a');
    await test.fill(volumes);
    expect(test.fileOf('execd')).toBe('agent');
    expect(test.memory.containers.size).toBe(0);
    test.memory.onCall = (call) => expect.fail(call);
    await volumes.ensure(CONTENT, signal);
  });

  describe.each([
    ['that is known', CONTENT],
    ['that only its marker knows', { ...CONTENT, manifest: undefined }],
  ])('with a content %s', (_known, content) => {
    it('is not written again when it is whole', async () => {
      const test = setUp();
      completeVolume(test);
      await test.fill(test.open('a'), content);
      expect(test.log.count('agent.distributed')).toBe(0);
    });

    it.each([
      ['an empty marker', MARKER, ''],
      ['a marker that was cut short', MARKER, '{"files":{"execd":5'],
      ['a marker that names nothing', MARKER, '{"files":{}}'],
      ['a file that was cut short', 'execd', 'ag'],
      ['an empty file', 'lib/loader.so', ''],
    ])('is written again when it has %s', async (_what, path, damage) => {
      const test = setUp();
      completeVolume(test);
      const whole = test.fileOf(path);
      test.memory.volumes.get(NAME)?.files.set(path, Buffer.from(damage));
      await test.fill(test.open('a'), content);
      expect(test.fileOf(path)).toBe(whole);
      expect(test.log.count('agent.distributed')).toBe(1);
    });
  });

  it('that lost a file is written again', async () => {
    const test = setUp();
    completeVolume(test);
    test.memory.volumes.get(NAME)?.files.delete('lib/loader.so');
    await test.fill(test.open('a'));
    expect(test.fileOf('lib/loader.so')).toBe('elf');
  });

  it('is filled by one of two who begin at once', async () => {
    const test = setUp();
    const other = test.open('b').ensure(CONTENT, signal);
    await test.fill(test.open('a'));
    await test.clock.advance(1_000);
    await other;
    expect(test.log.count('agent.distributed')).toBe(1);
    expect(test.memory.containers.size).toBe(0);
  });

  it('has one fill in a process, also when its first caller has left', async () => {
    const test = setUp();
    const volumes = test.open('a');
    let go = (): void => undefined;
    test.memory.onCall = (call) =>
      call === 'writeArchive' ? new Promise<void>((resolve) => void (go = resolve)) : undefined;
    const first = new AbortController();
    const leaving = volumes.ensure(CONTENT, first.signal);
    await settle();
    first.abort();
    await expect(leaving).rejects.toMatchObject({ kind: 'cancelled' });
    const second = volumes.ensure(CONTENT, signal);
    await test.clock.advance(1_000);
    go();
    await second;
    expect(test.log.count('agent.distributed')).toBe(1);
    expect(test.log.count('agent.carrier_taken_over')).toBe(0);
  });
});

describe("a stranger's carrier", () => {
  it.each([
    ['long ago', 0],
    ['in the future', Date.UTC(2099, 0, 1)],
  ])(
    'that the engine dates %s keeps the fill waiting exactly as long as any other',
    async (_when, created) => {
      const test = setUp();
      foreignCarrier(test, created);
      const tookMs = await test.fill(test.open('a'));
      expect(tookMs).toBeGreaterThanOrEqual(PATIENCE_MS);
      expect(tookMs).toBeLessThan(PATIENCE_MS + 1_000);
      expect(test.fileOf('execd')).toBe('agent');
    },
  );

  it('is not taken over when our own clock leaps', async () => {
    const test = setUp();
    const id = foreignCarrier(test, 0);
    const filling = test.open('a').ensure(CONTENT, signal);
    await test.clock.advance(1_000);
    test.clock.leap(3_600_000);
    await test.clock.advance(1_000);
    expect(test.memory.containers.has(id)).toBe(true);
    await test.clock.advance(PATIENCE_MS);
    await filling;
  });

  it('ends the waiting as soon as the volume is whole, and stays its owner’s', async () => {
    const test = setUp();
    const id = foreignCarrier(test, 0);
    const filling = test.open('a').ensure(CONTENT, signal);
    await test.clock.advance(1_000);
    completeVolume(test);
    await test.clock.advance(200);
    await filling;
    expect([...test.memory.containers.keys()]).toEqual([id]);
  });

  it('is left alone while somebody writes through it, however long that takes', async () => {
    const test = setUp();
    const id = foreignCarrier(test, 0);
    const blocked = new Fault('timeout', 'engine.timeout', 'late');
    test.memory.onCall = (call) => {
      if (call === 'fileSize') throw blocked;
    };
    const filling = test.open('a').ensure(CONTENT, signal);
    await test.clock.advance(3 * PATIENCE_MS);
    expect(test.memory.containers.has(id)).toBe(true);
    test.memory.onCall = () => undefined;
    await test.clock.advance(PATIENCE_MS + 200);
    await filling;
    expect(test.memory.containers.has(id)).toBe(false);
  });

  it('is waited for anew when it is another one', async () => {
    const test = setUp();
    const first = foreignCarrier(test, 0);
    const filling = test.open('a').ensure(CONTENT, signal);
    await test.clock.advance(PATIENCE_MS - 500);
    test.memory.containers.delete(first);
    const second = foreignCarrier(test, 0);
    await test.clock.advance(PATIENCE_MS - 500);
    expect(test.memory.containers.has(second)).toBe(true);
    await test.clock.advance(1_000);
    await filling;
  });
});

describe('an own carrier', () => {
  it('that was taken away during the fill is made again', async () => {
    const test = setUp();
    let isTaken = false;
    test.memory.onCall = (call, id) => {
      if (call !== 'writeArchive' || isTaken) return;
      isTaken = true;
      test.memory.containers.delete(id);
    };
    await test.fill(test.open('a'));
    expect(test.log.count('agent.carrier_lost')).toBe(1);
    expect(test.fileOf('execd')).toBe('agent');
  });

  it('that is taken away every time fails the fill', async () => {
    const test = setUp();
    test.memory.onCall = (call, id) => {
      if (call === 'writeArchive') test.memory.containers.delete(id);
    };
    await expect(test.fill(test.open('a'))).rejects.toMatchObject({ code: 'agent.distribution_failed' });
    expect(test.log.count('agent.carrier_lost')).toBe(2);
  });

  it('whose making the engine did not confirm is replaced at once', async () => {
    const test = setUp();
    const volumes = test.open('a');
    test.memory.onCall = (call, name) => {
      if (call !== 'createContainer') return;
      test.memory.onCall = () => undefined;
      const labels = { 'opensandbox.io/carrier-owner': 'a' };
      test.memory.addContainer({ name, volume: NAME, labels });
      throw new Fault('unavailable', 'engine.unavailable', 'away');
    };
    await expect(test.fill(volumes)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await test.fill(volumes)).toBeLessThan(1_000);
    expect(test.memory.containers.size).toBe(0);
  });

  it('is removed although the engine is away for a moment', async () => {
    const test = setUp();
    let failures = 2;
    test.memory.onCall = (call) => {
      if (call === 'removeContainer' && failures-- > 0) {
        throw new Fault('unavailable', 'engine.unavailable', 'away');
      }
    };
    await test.fill(test.open('a'));
    expect(test.memory.containers.size).toBe(0);
    expect(test.log.count('agent.carrier_left')).toBe(0);
  });
});
