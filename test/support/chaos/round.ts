import fc from 'fast-check';
import { type Client, living, path } from './client.ts';
import { COMMANDS } from './commands.ts';
import { conclude } from './conclude.ts';
import type { World } from './world.ts';

/** One thing that a client does, and which of the sandboxes that fit it does it to. */
export interface Step {
  readonly does: string;
  readonly to: number;
}

export interface Rounds {
  readonly seed: number;
  readonly clients: number;
  /** For each client. */
  readonly steps: number;
}

/** What all clients do in one round: the same seed always gives the same. */
export function stepsOf({ seed, clients, steps }: Rounds): readonly (readonly Step[])[] {
  const choices = Object.entries(COMMANDS).map(([does, { weight }]) => ({
    arbitrary: fc.constant(does),
    weight,
  }));
  const step = fc.record({ does: fc.oneof(...choices), to: fc.nat({ max: 1000 }) });
  const plan = fc.array(step, { minLength: steps, maxLength: steps });
  const all = fc.array(plan, { minLength: clients, maxLength: clients });
  return fc.sample(all, { seed, numRuns: 1 })[0] ?? [];
}

/** Lets one client do its steps, one after another. What does not fit the moment is left out. */
export async function play(client: Client, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    // Chosen when it is calm: a storm changes what there is to choose from.
    await client.world.weather.run(() => take(client, step));
  }
}

async function take(client: Client, { does, to }: Step): Promise<void> {
  const command = COMMANDS[does];
  if (command === undefined) throw new Error(`there is no command ${does}`);
  const fitting = client.entries.filter(({ fate }) => command.to?.includes(fate) ?? false);
  const entry = fitting[to % fitting.length];
  if (command.to !== undefined && entry === undefined) return;
  client.trace.push(`${client.name} ${does} ${entry?.id ?? ''}`);
  if (entry !== undefined) entry.isTouched = true;
  await command.run(client, entry ?? NOBODY);
  settle(client);
}

/** A command that is done to no sandbox does not look at it. */
const NOBODY = { id: '', fate: 'gone', metadata: {}, expiresAt: undefined, isTouched: false } as const;

/** What was done is certain: all that a storm could have left open is known again. */
function settle({ world, entries }: Client): void {
  if (!world.weather.isCalm()) return;
  for (const entry of entries) entry.isTouched = false;
}

/** Plays one round on a server, with a storm now and then when there is one to be had, and checks what is left. */
export async function playRound(world: World, rounds: Rounds, storms?: Storms): Promise<void> {
  const plans = stepsOf(rounds);
  const clients = plans.map((_, index): Client => ({
    name: `client-${rounds.seed}-${index}`,
    world,
    entries: [],
    trace: [],
  }));
  const over = new AbortController();
  const playing = clients.map((client, index) => play(client, plans[index] ?? []));
  try {
    const stormy = storms?.(clients, over.signal);
    await Promise.all([stormy, Promise.all(playing).finally(() => over.abort())]);
    await conclude(world, clients);
  } catch (error) {
    throw await told(error, rounds, clients);
  }
}

/** With what is needed to understand it: what was asked for last, and what the server and the engine say now. */
async function told(error: unknown, { seed }: Rounds, clients: readonly Client[]): Promise<Error> {
  const lines = [`with the seed ${seed}: ${String(error)}`];
  for (const client of clients) {
    lines.push('', ...client.trace.slice(-TOLD_STEPS));
    for (const entry of living(client)) {
      const answer = await client.world.server.call('GET', path(entry)).catch(String);
      const said = typeof answer === 'string' ? answer : answer.text;
      lines.push(`${JSON.stringify(entry)} is ${said}`);
    }
  }
  const all = await clients[0]?.world.docker('ps', '-a', '--format', '{{.Names}} {{.Status}}').catch(String);
  const log = clients[0]?.world.server.output().slice(-TOLD_LOG) ?? '';
  return new Error([...lines, '', all ?? '', '', log].join('\n'), { cause: error });
}

const TOLD_STEPS = 12;
const TOLD_LOG = 6000;

/** Breaks something now and then, until the signal aborts. */
export type Storms = (clients: readonly Client[], signal: AbortSignal) => Promise<void>;
