/** Compares, before and after each test file, what stands on the machine and on its engine. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach } from 'vitest';
import { isComparedAfterEachTest } from './each-test.ts';
import { type LeakWatch, openLeakWatch } from './leak-watch.ts';
import { engineSocket, isOff, patienceMs } from './settings.ts';

const MARK = 'OPENSANDBOX_TEST_FILE';

if (!isOff(process.env)) {
  const value = randomUUID();
  process.env[MARK] = value; // inherited by whatever the file starts
  const options = {
    socket: engineSocket(process.env),
    family: { root: process.pid, mark: `${MARK}=${value}` },
    patienceMs: patienceMs(process.env),
  };
  // Before the file is loaded, and so before anything that it does on loading.
  const ofFile = await openLeakWatch(options);
  // The first hook of all: of those that run afterwards it is the last.
  afterAll(() => ofFile.assertNothingLeft(), 60_000);

  let ofTest: LeakWatch | undefined;
  beforeEach(async ({ task }) => {
    ofTest = isComparedAfterEachTest(task.file.filepath) ? await openLeakWatch(options) : undefined;
  });
  afterEach(() => ofTest?.assertNothingLeft(), 60_000);
}
