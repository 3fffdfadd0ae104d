import { setMaxListeners } from 'node:events';
import type { EngineEvent } from '@opensandbox/core/ports';
import { isFault } from '@opensandbox/base';
import { sampleRecord, shows, watchEvents } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest } from './docker-harness.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from './own-engine.ts';
import type { OwnEngine } from './own-engine.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);

describe.skipIf(!HAS_ENGINE || !CAN_OWN_ENGINE)('an engine that goes away', { timeout: 120_000 }, () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let engine: OwnEngine;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    engine = await openOwnEngine(directory.path);
  }, 120_000);

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const open = (): Promise<DockerTest> =>
    openDockerTest({ socket: engine.socket, section: { network_mode: 'host' } });

  it('ends observe, fails calls with unavailable, and is found again when it is back', async () => {
    await using test = await open();
    const record = sampleRecord({ spec: busyboxSpec() });
    await test.driver.create(record, () => undefined, signal);
    const observing = collect(test, new AbortController().signal);
    await observing.first;
    await engine.stop();
    expect(await observing.end).toMatchObject({ kind: 'unavailable', code: 'engine.unavailable' });
    const unavailable = { kind: 'unavailable', code: 'engine.unavailable' };
    await expect(test.driver.inspect(record.id, signal)).rejects.toMatchObject(unavailable);
    await expect(test.driver.destroy(record.id, signal)).rejects.toMatchObject(unavailable);
    const creating = test.driver.create(sampleRecord({ spec: busyboxSpec() }), () => undefined, signal);
    await expect(creating).rejects.toMatchObject(unavailable);
    await engine.start();
    const news = watchEvents(test.driver, 10_000);
    await news.until(
      'the sandbox, ended with its engine',
      shows(record.id, (seen) => seen.phase === 'exited'),
    );
    await news.stop();
    await test.driver.destroy(record.id, signal);
    expect(await test.leftovers()).toEqual([]);
  });

  it('is noticed when it only falls silent', async () => {
    await using test = await open();
    const observing = collect(test, new AbortController().signal);
    await observing.first;
    engine.freeze();
    try {
      const end = await observing.end;
      expect(isFault(end, 'unavailable')).toBe(true);
    } finally {
      engine.thaw();
    }
  });

  it('bounds every call while it is silent', async () => {
    await using test = await openDockerTest({
      socket: engine.socket,
      section: { network_mode: 'host', api_timeout: 1 },
    });
    engine.freeze();
    try {
      const asking = test.driver.inspect(sampleRecord().id, signal);
      await expect(asking).rejects.toMatchObject({ kind: 'timeout', code: 'engine.timeout' });
    } finally {
      engine.thaw();
    }
  });
});

describe('an engine that is not there', () => {
  it('stops the opening, and says what to check', async () => {
    const opening = openDockerTest({ socket: '/tmp/opensandbox-no-engine.sock' });
    await expect(opening).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('Docker engine') as unknown,
    });
  });
});

interface Collected {
  readonly first: Promise<EngineEvent>;
  /** What observe ended with; `undefined` when it just ended. */
  readonly end: Promise<unknown>;
}

function collect(test: DockerTest, abort: AbortSignal): Collected {
  let tellFirst: (event: EngineEvent) => void = () => undefined;
  const first = new Promise<EngineEvent>((resolve) => (tellFirst = resolve));
  const end = (async () => {
    for await (const event of test.driver.observe(abort)) tellFirst(event);
  })().catch((error: unknown) => error);
  return { first, end };
}
