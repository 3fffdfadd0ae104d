import { openScope, silentLogger, systemClock } from '@opensandbox/base';
import { sampleSpec, snapshotConformance } from '@opensandbox/testkit';
import { fakeConfig, openFakeDriver } from '../src/index.ts';

snapshotConformance('the fake driver', async () => {
  const scope = openScope(silentLogger);
  const driver = await openFakeDriver(fakeConfig({ captureMs: 5 }), { clock: systemClock() }, scope);
  const { engine } = driver;
  return {
    driver,
    makeSpec: () => sampleSpec(),
    kill: async (id) => engine.kill(id),
    artefacts: async (ids) => engine.images.ids.filter((id) => ids.includes(id)),
    close: async () => scope[Symbol.asyncDispose](),
  };
});
