import { newSandboxId } from '@opensandbox/testkit';
import type { SandboxId } from '@opensandbox/core/ports';
import { describe, expect, it } from 'vitest';
import { holdingContainer, never, openOssWorld } from './ossfs-world.ts';
import type { Life, OssWish, OssWorld, Prepared } from './ossfs-world.ts';
import { CAN_MOUNT } from './stand-in.ts';

const WISHES: readonly OssWish[] = [
  { bucket: 'one' },
  { bucket: 'one', subPath: 'a' },
  { bucket: 'one', subPath: 'a/b' },
  { bucket: 'one', secret: 'Another' },
  { bucket: 'two', subPath: 'a' },
];
const SANDBOXES = 12;
const LIVES = 3;

/** The same sequence for the same seed. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

describe.skipIf(!CAN_MOUNT)('OSS mounts of many sandboxes at once', () => {
  it.each([1, 2])(
    'are there for those who hold them, and for nobody else (seed %i)',
    async (seed) => {
      const random = createRandom(seed);
      await using world = await openOssWorld();
      let server = world.live();
      /** Sandboxes whose creation has succeeded, and where their mounts are. */
      const held = new Map<SandboxId, string[]>();

      for (let life = 0; life < LIVES; life += 1) {
        const tasks = Array.from({ length: SANDBOXES }, (_, index) =>
          liveOnce(server, { wishes: pick(random), fate: random(4), patienceMs: random(120), index }),
        );
        for (const { id, paths } of await Promise.all(tasks)) if (paths.length > 0) held.set(id, paths);
        expect(new Set(await world.mounts())).toEqual(new Set([...held.values()].flat()));
        world.containers = [...held].map(([id, paths]) => holdingContainer(id, paths));
        await server[Symbol.asyncDispose]();
        server = world.live();
      }
      const all = [...held.keys()];
      await Promise.all(all.map(async (id) => server.backend.release?.(id, never)));
      await expectNothingLeft(world);
      await server[Symbol.asyncDispose]();
    },
    120_000,
  );
});

async function expectNothingLeft(world: OssWorld): Promise<void> {
  expect(await world.mounts()).toEqual([]);
  expect(await world.directories()).toEqual([]);
  expect(await world.privateFiles()).toEqual([]);
  expect(await world.journal()).toEqual([]);
}

function pick(random: (below: number) => number): readonly OssWish[] {
  return Array.from({ length: 1 + random(2) }, () => WISHES[random(WISHES.length)] ?? {});
}

interface Plan {
  readonly wishes: readonly OssWish[];
  /** 0: the create is aborted. 1: it fails at its end. 2: the sandbox is deleted again. 3: it stays. */
  readonly fate: number;
  readonly patienceMs: number;
  readonly index: number;
}

async function liveOnce(server: Life, plan: Plan): Promise<{ id: SandboxId; paths: string[] }> {
  const id = newSandboxId();
  const signal = plan.fate === 0 ? AbortSignal.timeout(plan.patienceMs) : never;
  const prepared: Prepared[] = [];
  try {
    for (const wish of plan.wishes) prepared.push(await server.prepare(id, wish, signal));
    if (plan.fate === 3) return { id, paths: prepared.map((each) => each.path) };
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/ossfs_conflict|cancelled/) as unknown });
  }
  if (plan.fate === 2) await server.backend.release?.(id, never);
  else for (const each of prepared.reverse()) await each.undo();
  return { id, paths: [] };
}
