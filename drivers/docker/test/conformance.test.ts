import { driverConformance } from '@opensandbox/testkit';
import { describe } from 'vitest';
import { HAS_ENGINE, openConformanceHarness } from './docker-harness.ts';

describe.skipIf(!HAS_ENGINE)('with a Docker engine', () => {
  // The engine is shared; engine-link.test.ts restarts one of its own.
  driverConformance('docker', () => openConformanceHarness(), { restartsEngine: false });
});
