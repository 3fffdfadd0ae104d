import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { dockerCli } from '../../drivers/docker/test/docker-harness.ts';
import { openOwnEngine, type OwnEngine } from '../../drivers/docker/test/own-engine.ts';
import { type Rounds, playRound } from '../../test/support/chaos/round.ts';
import { betweenStorms, breakOut, type Storm } from '../../test/support/chaos/storms.ts';
import { openWeather, type World } from '../../test/support/chaos/world.ts';
import { growthOf, type Holdings, holdingsOf, openFilesOf } from '../../test/support/churn.ts';
import { openLeakWatch } from '../../test/support/leaks/leak-watch.ts';
import { engineSocket } from '../../test/support/leaks/settings.ts';
import { openNetworkNamespace } from '../../test/support/network-namespace.ts';
import { openServer, type ServerProcess } from '../../test/support/server-process.ts';

export interface ChaosSoak {
  readonly seed: number;
  readonly minutes: number;
  /** It goes on until so many were made, however long that takes. */
  readonly sandboxes: number;
}

const CLIENTS = 4;
const STEPS = 30;
/** The first part is stormy. In the second, one server process lives through all of it. */
const STORMY = 0.5;
const IDLE_MS = 8000;
const MEMORY_SLACK_MIB = 60;

/** Clients do what they like to a server, whose engine and own process die now and then. Tells what went wrong. */
export async function soakChaos(wanted: ChaosSoak): Promise<string[]> {
  process.env['OPENSANDBOX_CHAOS'] = 'yes'; // inherited by all that is started from here
  const { assertNothingLeft } = await openLeakWatch({
    socket: engineSocket(process.env),
    family: { root: process.pid, mark: 'OPENSANDBOX_CHAOS=yes' },
    patienceMs: 15_000,
  });
  try {
    await onOwnEngine((world, storms) => soak(wanted, world, storms));
    await assertNothingLeft();
    return [];
  } catch (error) {
    return [`chaos: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function soak(wanted: ChaosSoak, world: World, storms: readonly Storm[]): Promise<void> {
  const began = Date.now();
  const minutes = (): number => (Date.now() - began) / 60_000;
  const round = { seed: wanted.seed, clients: CLIENTS, steps: STEPS };
  for (; minutes() < wanted.minutes * STORMY; round.seed += 1) {
    await playRound(world, round, (clients, signal) => storm({ world, clients, storms, round }, signal));
    tell(world, round, await holdingsWhenIdle(world.server));
  }
  let base: { readonly held: Holdings; readonly open: readonly string[] } | undefined;
  for (; minutes() < wanted.minutes || world.made < wanted.sandboxes; round.seed += 1) {
    await playRound(world, round);
    const held = await holdingsWhenIdle(world.server);
    const open = openFilesOf(world.server.pid());
    tell(world, round, held);
    base ??= { held, open };
    const more = growthOf(base.open, open);
    if (more !== undefined || held.memoryMiB > base.held.memoryMiB + MEMORY_SLACK_MIB)
      throw new Error(
        `the server holds ${JSON.stringify(held)}, before ${JSON.stringify(base.held)}: ${more ?? ''}`,
      );
  }
}

interface Stormy {
  readonly world: World;
  readonly clients: Parameters<typeof breakOut>[1];
  readonly storms: readonly Storm[];
  readonly round: Rounds;
}

/** Storms, one after another, at moments and of kinds that follow from the seed. */
async function storm({ world, clients, storms, round }: Stormy, signal: AbortSignal): Promise<void> {
  const draw = fc.record({
    which: fc.nat({ max: storms.length - 1 }),
    afterMs: fc.integer({ min: 500, max: 9000 }),
  });
  for (const { which, afterMs } of fc.sample(draw, { seed: round.seed, numRuns: 100 })) {
    const next = storms[which];
    if (next === undefined || !(await betweenStorms(afterMs, signal))) return;
    await breakOut(world, clients, next);
  }
}

async function holdingsWhenIdle(server: ServerProcess): Promise<Holdings> {
  await pause(IDLE_MS);
  return holdingsOf(server.pid());
}

function tell({ made, calls }: World, { seed }: Rounds, held: Holdings): void {
  console.log(`chaos: seed ${seed} done; ${made} sandboxes, ${calls} calls so far; ${JSON.stringify(held)}`);
}

/** A server and an engine in a network namespace of their own, and what may happen to them. */
async function onOwnEngine(run: (world: World, storms: readonly Storm[]) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'opensandbox-chaos-'));
  try {
    await using namespace = await openNetworkNamespace();
    await using engine = await openOwnEngine(directory, { through: namespace.through });
    await using server = await openServer({ through: namespace.through });
    await namespace.expose(Number(server.domain.split(':')[1]), directory);
    const docker = dockerCli(engine.socket);
    const world: World = { server, docker, weather: openWeather(), complaints: [], made: 0, calls: 0 };
    const env = { DOCKER_HOST: `unix://${engine.socket}` };
    await server.start(env);
    await run(world, stormsOf(server, engine, env));
    await server.stop();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function stormsOf(
  server: ServerProcess,
  engine: OwnEngine,
  env: Readonly<Record<string, string>>,
): readonly Storm[] {
  const storm = (name: string, isEngineStorm: boolean, run: () => Promise<void>): Storm => ({
    name,
    isEngineStorm,
    async run() {
      console.log(`chaos: ${name}`);
      await run();
    },
  });
  const again = async (end: () => Promise<unknown>): Promise<void> => {
    await end();
    await server.start(env);
  };
  return [
    storm('the server is killed', false, () => again(() => server.kill())),
    storm('the server is stopped', false, () => again(() => server.stop())),
    storm('the engine is killed', true, async () => {
      await engine.kill();
      await engine.start();
    }),
    storm('the engine is restarted', true, async () => {
      await engine.stop();
      await engine.start();
    }),
    storm('the engine and the server are killed', true, async () => {
      await Promise.all([engine.kill(), server.kill()]);
      await engine.start();
      await server.start(env);
    }),
  ];
}
