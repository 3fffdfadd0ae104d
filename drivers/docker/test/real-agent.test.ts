import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { captureLog, sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, SHIPPED_VERSION } from './docker-harness.ts';

const { signal } = new AbortController();
const ROOTFS = fileURLToPath(new URL('../../../apps/execd/dist/rootfs', import.meta.url));
const IS_BUILT = existsSync(`${ROOTFS}/execd`);

/** A connection that the engine's port forwarder accepted too early may lead nowhere: it is given up. */
async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
    (response) => response.ok,
    () => false,
  );
}

describe.skipIf(!HAS_ENGINE || !IS_BUILT)(
  'the agent that is shipped (skipped until apps/execd is built)',
  () => {
    it('answers through the published port of an image that has nothing but a shell', async () => {
      const log = captureLog();
      const execd = { image: 'builtin', rootfsDir: ROOTFS, version: SHIPPED_VERSION };
      await using test = await openDockerTest({ log, deps: { execd } });
      const record = sampleRecord({ spec: busyboxSpec() });
      const { reach } = await test.driver.create(record, () => undefined, signal);
      const port = reach.kind === 'mapped' ? reach.ports[44772] : undefined;
      await expect
        .poll(() => answers(`http://127.0.0.1:${port}/ping`), { timeout: 10_000, interval: 20 })
        .toBe(true);
      await test.driver.destroy(record.id, signal);
      expect(await test.leftovers()).toEqual([]);
    });
  },
);
