import {
  become,
  type Client,
  compareList,
  containerOf,
  create,
  expectShown,
  living,
  NOWHERE,
  path,
  ping,
  remove,
} from './client.ts';
import type { Entry, Fate } from './model.ts';
import { copyBySnapshot } from './snapshots.ts';
import { call, expectStatus } from './world.ts';

/** How many sandboxes a client keeps at once. */
const FULL = 6;
const NEWS_MS = 10_000;

export interface Command {
  /** How often it is drawn. */
  readonly weight: number;
  /** It is done to one sandbox of these fates; `undefined`: to none in particular. */
  readonly to: readonly Fate[] | undefined;
  run(client: Client, entry: Entry): Promise<void>;
}

const ANY: readonly Fate[] = ['pending', 'running', 'paused', 'ended', 'failed'];

const making = (weight: number, run: (client: Client) => Promise<unknown>): Command => ({
  weight,
  to: undefined,
  async run(client) {
    if (living(client).length < FULL) await run(client);
  },
});

/** A call that has to succeed, or has to be refused. */
async function verb(client: Client, entry: Entry, name: string, status: number): Promise<void> {
  expectStatus(await call(client.world, 'POST', `${path(entry)}/${name}`), status);
}

/** Everything that a client does, and somebody else at the engine. One more is one more entry. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  create: making(6, (client) => create(client, {}, 'running')),
  'create without a deadline': making(2, (client) => create(client, { isManual: true }, 'running')),
  'create and go on': making(3, (client) => create(client, { waits: false }, 'pending')),
  'create what ends': making(2, (client) => create(client, { entrypoint: ['true'] }, 'ended')),
  'create from no image': making(1, (client) => create(client, { image: NOWHERE }, 'failed')),
  'create twice at once': making(2, (client) =>
    Promise.all([create(client, {}, 'running'), create(client, {}, 'running')]),
  ),
  pause: {
    weight: 4,
    to: ['running'],
    async run(client, entry) {
      await verb(client, entry, 'pause', 202);
      entry.fate = 'paused';
      await expectShown(client, entry);
    },
  },
  resume: {
    weight: 4,
    to: ['paused'],
    async run(client, entry) {
      await verb(client, entry, 'resume', 202);
      entry.fate = 'running';
      await expectShown(client, entry);
    },
  },
  'pause what does not run': {
    weight: 1,
    to: ['paused', 'ended', 'failed'],
    run: (client, entry) => verb(client, entry, 'pause', 409),
  },
  'resume what is not paused': {
    weight: 1,
    to: ['running', 'ended', 'failed'],
    run: (client, entry) => verb(client, entry, 'resume', 409),
  },
  renew: {
    weight: 3,
    to: ANY,
    async run(client, entry) {
      const expiresAt = Date.now() + 7_200_000;
      const body = { expiresAt: new Date(expiresAt).toISOString() };
      const answer = await call(client.world, 'POST', `${path(entry)}/renew-expiration`, body);
      expectStatus(answer, entry.expiresAt === undefined ? 409 : 200);
      if (entry.expiresAt !== undefined) entry.expiresAt = expiresAt;
    },
  },
  'let it expire': {
    weight: 1,
    to: ['running', 'paused', 'ended'],
    async run(client, entry) {
      if (entry.expiresAt === undefined) return;
      const body = { expiresAt: new Date(Date.now() + 500).toISOString() };
      const answer = await call(client.world, 'POST', `${path(entry)}/renew-expiration`, body);
      expectStatus(answer, 200);
      await become(client, entry, 'gone', NEWS_MS);
    },
  },
  patch: {
    weight: 3,
    to: ANY,
    async run(client, entry) {
      const hasOne = 'a' in entry.metadata;
      const kept = Object.fromEntries(Object.entries(entry.metadata).filter(([key]) => key !== 'a'));
      const change = hasOne ? { a: null, b: 'kept' } : { a: 'new' };
      expectStatus(await call(client.world, 'PATCH', `${path(entry)}/metadata`, change), 200);
      entry.metadata = hasOne ? { ...kept, b: 'kept' } : { ...kept, a: 'new' };
      await expectShown(client, entry);
    },
  },
  get: { weight: 4, to: ANY, run: expectShown },
  'get what is gone': { weight: 1, to: ['gone'], run: expectShown },
  list: { weight: 4, to: undefined, run: (client) => compareList(client) },
  ping: { weight: 3, to: ['running'], run: ping },
  'wait until it runs': {
    weight: 4,
    to: ['pending'],
    run: (client, entry) => become(client, entry, 'running'),
  },
  delete: { weight: 4, to: ANY, run: (client, entry) => remove(client, entry) },
  'delete four times at once': { weight: 2, to: ANY, run: (client, entry) => remove(client, entry, 4) },
  'delete what is gone': {
    weight: 1,
    to: ['gone'],
    run: async (client, entry) => expectStatus(await call(client.world, 'DELETE', path(entry)), 404),
  },
  'copy by a snapshot': { weight: 2, to: ['running'], run: copyBySnapshot },
  'pause and delete at once': {
    weight: 1,
    to: ['running'],
    async run(client, entry) {
      const pausing = call(client.world, 'POST', `${path(entry)}/pause`);
      await remove(client, entry);
      expectStatus(await pausing, 202, 404, 409);
    },
  },
  'kill at the engine': {
    weight: 1,
    to: ['running'],
    async run(client, entry) {
      await client.world.docker('kill', containerOf(entry));
      await become(client, entry, 'ended', NEWS_MS);
    },
  },
  'remove at the engine': {
    weight: 1,
    to: ['running', 'paused', 'ended'],
    async run(client, entry) {
      await client.world.docker('rm', '-f', '-v', containerOf(entry));
      await become(client, entry, 'gone', NEWS_MS);
    },
  },
  'pause at the engine': {
    weight: 1,
    to: ['running'],
    async run(client, entry) {
      await client.world.docker('pause', containerOf(entry));
      await become(client, entry, 'paused', NEWS_MS);
    },
  },
  'thaw at the engine': {
    weight: 1,
    to: ['paused'],
    async run(client, entry) {
      await client.world.docker('unpause', containerOf(entry));
      await become(client, entry, 'running', NEWS_MS);
    },
  },
};
