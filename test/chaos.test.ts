import { describe, expect, it } from 'vitest';
import { growthOf, holdingsOf, openFilesOf } from './support/churn.ts';
import { playRound } from './support/chaos/round.ts';
import { openWeather, type World } from './support/chaos/world.ts';
import { docker, removeAll } from './support/docker.ts';
import { openServer } from './support/server-process.ts';

/** Repeats a run: `CHAOS_SEED=7 npx vitest run --project system test/chaos.test.ts`. */
const SEED = Number(process.env['CHAOS_SEED'] ?? '20');
const CLIENTS = 4;
const MEMORY_SLACK_MIB = 60;

// The short form of `npm run soak -- --only chaos`, without storms.
describe('a server that several clients ask for everything at once', () => {
  it(`does what it promised, with the seed ${SEED}`, async () => {
    await using server = await openServer();
    await server.start();
    const world: World = { server, docker, weather: openWeather(), complaints: [], made: 0, calls: 0 };
    try {
      await playRound(world, { seed: SEED, clients: CLIENTS, steps: 8 });
      const before = holdingsOf(server.pid());
      const openBefore = openFilesOf(server.pid());
      await playRound(world, { seed: SEED + 1, clients: CLIENTS, steps: 30 });
      const after = holdingsOf(server.pid());
      expect(growthOf(openBefore, openFilesOf(server.pid()))).toBeUndefined();
      console.log(
        `seed ${SEED}: ${world.made} sandboxes, ${world.calls} calls; ${JSON.stringify({ before, after })}`,
      );
      expect(world.made).toBeGreaterThan(20);
      expect(after.memoryMiB).toBeLessThanOrEqual(before.memoryMiB + MEMORY_SLACK_MIB);
    } finally {
      await server.stop();
      await removeAll(server.instance);
    }
  });
});
