import { isFault } from '@opensandbox/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Curtain } from '../../test/curtain.ts';
import { MINUTE, SECOND, World } from '../../test/world.ts';
import type { ObservedPhase, SandboxId, SandboxRecord, SandboxState } from '../sandbox.ts';

/** One thing that a client, an outsider, an accident or the passing of time does. `pick` chooses the sandbox. */
type Deed = (world: ChaosWorld, pick: SandboxId | undefined) => Promise<unknown>;

class ChaosWorld extends World {
  readonly curtain: Curtain;

  constructor(curtain = new Curtain()) {
    super({ config: SLOW, options: { provisionConcurrency: 2 }, driver: curtain.before });
    this.curtain = curtain;
  }
}

const DEEDS: Readonly<Record<string, Deed>> = {
  create: (world) => world.create({}, { timeoutSeconds: 600 }),
  createFailing: (world) => world.create({ FAKE_FAIL: 'image.pull_failed' }),
  createEnding: (world) => world.create({ FAKE_EXIT_AFTER_MS: '30', FAKE_AGENT: 'never' }),
  createForever: (world) => world.create(),
  pause: async (world, id) => id && world.lifecycle.pause(id, world.signal),
  resume: async (world, id) => id && world.lifecycle.resume(id, world.signal),
  destroy: async (world, id) => id && world.lifecycle.destroy(id, world.signal),
  renew: async (world, id) => id && world.lifecycle.renew(id, world.clock.now() + 20 * MINUTE, world.signal),
  patch: async (world, id) => id && world.lifecycle.patchMetadata(id, { a: '1' }, world.signal),
  resolve: async (world, id) => id && world.lifecycle.resolve(id, 8080, world.signal),
  killed: async (world, id) => id && world.engine.kill(id),
  removed: async (world, id) => id && world.engine.remove(id),
  removedSilently: async (world, id) => id && world.engine.remove(id, true),
  frozen: async (world, id) => id && world.engine.pause(id),
  thawed: async (world, id) => id && world.engine.unpause(id),
  away: async (world) => world.engine.goAway(),
  back: async (world) => world.engine.comeBack(),
  emptied: async (world) => world.curtain.hide(...world.engine.ids),
  refilled: async (world) => world.curtain.lift(),
  relist: async (world) => world.engine.relist(),
  holdNews: async (world) => world.engine.holdNews(),
  releaseNews: async (world) => world.engine.releaseNews(),
  aMoment: (world) => world.clock.advance(13),
  aWhile: (world) => world.clock.advance(15 * SECOND),
};

const AGREEING: readonly (readonly [SandboxState, ObservedPhase])[] = [
  ['Running', 'running'],
  ['Paused', 'paused'],
  ['Pending', 'starting'],
];

const SLOW = { imageMs: 10, createMs: 10, startMs: 10, agentMs: 10, destroyMs: 10 };

const which = fc.nat(5);
const step = fc.oneof(
  { weight: 20, arbitrary: fc.record({ deed: fc.constantFrom(...Object.keys(DEEDS)), which }) },
  {
    weight: 8,
    arbitrary: fc.record({ deed: fc.constantFrom('create', 'holdNews', 'relist', 'away'), which }),
  },
  { weight: 12, arbitrary: fc.record({ deed: fc.constant('aMoment'), which }) },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('crash'), which: fc.constant(0) }) },
);

async function crash(world: ChaosWorld): Promise<void> {
  world.kill();
  await world.clock.advance(5);
  world.engine.comeBack(); // the next server waits for the engine before it serves
  await world.start();
}

/** Quiet returns: the engine is there, news arrives, every period passes a few times. */
async function calmDown(world: ChaosWorld): Promise<void> {
  world.curtain.lift();
  world.engine.releaseNews();
  world.engine.comeBack();
  await world.clock.advance(SECOND);
  world.engine.relist();
  await world.clock.advance(2 * MINUTE);
}

function expectAgreement(world: World): void {
  const all = world.store.list().filter((record) => record.buriedAt === undefined);
  const isLost = (record: SandboxRecord): boolean => record.lost !== undefined;
  for (const record of all.filter(isLost)) {
    expect(world.engine.ids, 'what is called lost is not there').not.toContain(record.id);
    expect(world.lifecycle.get(record.id).status.reason).toBe('RUNTIME_LOST');
  }
  const records = all.filter((record) => !isLost(record));
  expect([...world.engine.ids].sort(), 'containers and ready records are the same').toEqual(
    records
      .filter((record) => record.provisioning.phase === 'ready')
      .map((record) => record.id)
      .sort(),
  );
  for (const record of records) {
    const { state } = world.lifecycle.get(record.id).status;
    const phase = world.engine.read(record.id)?.phase;
    if (record.provisioning.phase === 'failed') expect(state).toBe('Failed');
    else if (phase === 'exited') expect(['Terminated', 'Failed']).toContain(state);
    else expect([state, phase]).toEqual(AGREEING.find(([, seen]) => seen === phase));
  }
}

describe('whatever clients, outsiders and accidents do at once', () => {
  it('record and engine agree again when quiet returns', { timeout: 60_000 }, async () => {
    const story = fc.array(step, { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(story, async (steps) => {
        const world = await new ChaosWorld().start();
        const refusals: unknown[] = [];
        const pending: Promise<unknown>[] = [];
        for (const { deed, which } of steps) {
          if (deed === 'crash') {
            pending.length = 0; // their callers died with the server
            await crash(world);
            continue;
          }
          const ids = world.store.list().map((record) => record.id);
          const work = DEEDS[deed]?.(world, ids[which % Math.max(1, ids.length)]);
          pending.push(Promise.resolve(work).catch((error: unknown) => refusals.push(error)));
          if (deed === 'aMoment' || deed === 'aWhile') await work;
        }
        await calmDown(world);
        await Promise.all(pending);
        expect(refusals.filter((error) => !isFault(error))).toEqual([]);
        expect(
          refusals.filter((error) => isFault(error, 'internal') && error.code.startsWith('internal')),
        ).toEqual([]);
        expectAgreement(world);
        await world.stop();
        world.engine[Symbol.dispose]();
      }),
      { numRuns: 300 },
    );
  });
});
