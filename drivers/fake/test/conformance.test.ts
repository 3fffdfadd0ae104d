import { openScope, silentLogger, systemClock } from '@opensandbox/base';
import { driverConformance, sampleSpec } from '@opensandbox/testkit';
import type { SpecWish } from '@opensandbox/testkit';
import { fakeConfig, openFakeDriver } from '../src/index.ts';

function env(wish: SpecWish): readonly (readonly [string, string])[] {
  switch (wish.does) {
    case 'stay':
      return [];
    case 'exit':
      return [
        ['FAKE_EXIT_AFTER_MS', '20'],
        ['FAKE_EXIT_CODE', String(wish.code)],
      ];
    case 'fail':
      return [['FAKE_FAIL', 'image.pull_failed']];
    case 'run-out-of-memory':
      return [['FAKE_OOM_AFTER_MS', '20']];
  }
}

driverConformance(
  'the fake driver',
  async () => {
    const scope = openScope(silentLogger);
    const config = fakeConfig({ imageMs: 5, createMs: 5, startMs: 5, destroyMs: 2 });
    const driver = await openFakeDriver(config, { clock: systemClock() }, scope);
    const { engine } = driver;
    return {
      driver,
      makeSpec: (wish) => sampleSpec({ env: env(wish) }),
      outsider: {
        kill: async (id) => engine.kill(id),
        remove: async (id) => engine.remove(id),
        pause: async (id) => void engine.pause(id),
        unpause: async (id) => void engine.unpause(id),
        restartEngine: async () => {
          engine.goAway();
          engine.comeBack();
        },
      },
      leftovers: async () => engine.ids,
      close: async () => scope[Symbol.asyncDispose](),
    };
  },
  { newsMs: 2000, patienceMs: 2000, abortRounds: 12 },
);
