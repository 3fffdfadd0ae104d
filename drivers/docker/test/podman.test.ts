import { driverConformance } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe } from 'vitest';
import { HAS_ENGINE, openConformanceHarness, temporaryDirectory } from './docker-harness.ts';
import type { PodmanEngine } from './podman-engine.ts';
import { HAS_PODMAN, openPodmanEngine } from './podman-engine.ts';

describe.skipIf(!HAS_ENGINE || !HAS_PODMAN)('with a Podman', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let podman: PodmanEngine;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    podman = await openPodmanEngine(directory.path);
  }, 120_000);

  afterAll(async () => {
    await podman[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const open = () => openConformanceHarness({ socket: podman.socket });
  // Podman 4.3 looks for the traces of a lack of memory at another place than its monitor leaves them.
  driverConformance('podman', open, { restartsEngine: false, tellsOutOfMemory: false });
});
