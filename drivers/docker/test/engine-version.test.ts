import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { sampleRecord, shows, watchEvents } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, SOCKET, temporaryDirectory } from './docker-harness.ts';
import { openVersionGate } from './version-gate.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);

describe.skipIf(!HAS_ENGINE)('an engine that is replaced by another version', () => {
  it.each([
    ['an older one', '1.38', '1.12', '1.38'],
    ['a newer one that forgot the old version', '1.52', '1.44', '1.44'],
  ])('goes on being used when it is %s', async (_what, newest, oldest, spoken) => {
    await using directory = await temporaryDirectory();
    const socket = join(directory.path, 'engine.sock');
    await using gate = await openVersionGate(socket);
    await using test = await openDockerTest({ socket, cliSocket: SOCKET });
    const before = sampleRecord({ spec: busyboxSpec() });
    await test.driver.create(before, () => undefined, signal);
    expect(gate.takeAsked()).toEqual(['1.41']);
    gate.speak(newest, oldest);
    const after = sampleRecord({ spec: busyboxSpec() });
    await test.driver.create(after, () => undefined, signal);
    await test.driver.destroy(before.id, signal);
    expect(gate.takeAsked()).toEqual(['1.41', spoken].sort());
    await test.driver.destroy(after.id, signal);
    expect(gate.takeAsked()).toEqual([spoken]);
  });

  it('is asked what it speaks whenever the link to it is made anew', async () => {
    await using directory = await temporaryDirectory();
    const socket = join(directory.path, 'engine.sock');
    await using gate = await openVersionGate(socket);
    gate.speak('1.39', '1.12');
    await using test = await openDockerTest({ socket, cliSocket: SOCKET });
    const record = sampleRecord({ spec: busyboxSpec() });
    await test.driver.create(record, () => undefined, signal);
    expect(gate.takeAsked()).toEqual(['1.39']);
    gate.speak('1.52', '1.24');
    const news = watchEvents(test.driver, 10_000);
    await news.until(
      'the sandbox',
      shows(record.id, (seen) => seen.phase === 'running'),
    );
    await news.stop();
    await test.driver.destroy(record.id, signal);
    expect(gate.takeAsked()).toEqual(['1.41']);
  });
});
