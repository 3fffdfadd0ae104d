import { Readable } from 'node:stream';
import { silentLogger } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { readEngineFailure } from '../faults.ts';
import { negotiate, pinVersion } from './negotiated-transport.ts';
import type { Transport } from './transport.ts';

const { signal } = new AbortController();
const LIST = { method: 'GET', path: '/containers/json', timeoutMs: 1000 } as const;

/** An engine that can be replaced by another version of itself, and remembers what it was asked. */
function fakeEngine(newest: string, oldest: string) {
  const engine = { newest, oldest, isAway: false, asked: [] as string[] };
  const refusal = (message: string): Error => readEngineFailure(400, { message });
  const transport: Transport = {
    async call(request) {
      engine.asked.push(request.path);
      if (engine.isAway) throw readEngineFailure(503, { message: 'away' });
      if (request.path === '/version') {
        const body = JSON.stringify({ ApiVersion: engine.newest, MinAPIVersion: engine.oldest });
        return { status: 200, headers: {}, body: Buffer.from(body) };
      }
      const minor = Number(/^\/v1\.(\d+)\//.exec(request.path)?.[1]);
      if (minor > Number(engine.newest.slice(2))) throw refusal('client version is too new');
      if (minor < Number(engine.oldest.slice(2))) throw refusal('client version is too old');
      if (request.path.endsWith('/bad')) throw refusal('bad parameter');
      return { status: 200, headers: {}, body: Buffer.from(request.path) };
    },
    open: () => Promise.reject(new Error('not asked for here')),
    [Symbol.dispose]: () => undefined,
  };
  return { engine, transport };
}

async function connect(newest: string, oldest: string) {
  const { engine, transport } = fakeEngine(newest, oldest);
  const negotiated = await negotiate(transport, { log: silentLogger, apiVersion: undefined }, signal);
  const get = async (path: string = LIST.path): Promise<string> =>
    (await negotiated.transport.call({ ...LIST, path }, signal)).body.toString();
  return { engine, get, transport: negotiated.transport };
}

describe('negotiate', () => {
  it.each([
    ['downgraded', { newest: '1.38', oldest: '1.12' }, '/v1.38/containers/json'],
    ['upgraded beyond what it spoke', { newest: '1.52', oldest: '1.44' }, '/v1.44/containers/json'],
  ])('finds another version when the engine was %s, and repeats the call', async (_what, to, path) => {
    const { engine, get } = await connect('1.41', '1.12');
    expect(await get()).toBe('/v1.41/containers/json');
    Object.assign(engine, to);
    expect(await get()).toBe(path);
    engine.asked.length = 0;
    expect(await get()).toBe(path);
    expect(engine.asked).toEqual([path]);
  });

  it('goes back to the preferred version when it is asked anew', async () => {
    const { engine, get, transport } = await connect('1.38', '1.12');
    expect(await get()).toBe('/v1.38/containers/json');
    engine.newest = '1.50';
    await transport.renew(signal);
    expect(await get()).toBe('/v1.41/containers/json');
  });

  it('asks once for all calls that are refused together', async () => {
    const { engine, get } = await connect('1.41', '1.12');
    engine.newest = '1.40';
    engine.asked.length = 0;
    await Promise.all([get('/a'), get('/b'), get('/c')]);
    expect(engine.asked.filter((path) => path === '/version')).toHaveLength(1);
  });

  it('passes on a refusal that has another reason, and repeats nothing', async () => {
    const { engine, get } = await connect('1.41', '1.12');
    engine.asked.length = 0;
    await expect(get('/bad')).rejects.toMatchObject({ kind: 'invalid', message: 'bad parameter' });
    expect(engine.asked).toEqual(['/v1.41/bad', '/version']);
  });

  it('keeps the version when the engine does not tell another', async () => {
    const { engine, get, transport } = await connect('1.41', '1.12');
    engine.isAway = true;
    await expect(transport.renew(signal)).rejects.toMatchObject({ kind: 'unavailable' });
    engine.isAway = false;
    expect(await get()).toBe('/v1.41/containers/json');
  });

  it('does not repeat a call whose body is spent', async () => {
    const { engine, transport } = await connect('1.41', '1.12');
    engine.newest = '1.40';
    const put = { method: 'PUT', path: '/archive', tar: Readable.from([]), timeoutMs: 1000 } as const;
    await expect(transport.call(put, signal)).rejects.toMatchObject({ kind: 'invalid' });
    expect(engine.asked.filter((path) => path.endsWith('/archive'))).toHaveLength(1);
  });
});

describe('pinVersion', () => {
  it.each([
    ['1.41', '1.12', '1.41'],
    ['1.50', '1.24', '1.41'],
    ['1.40', '1.12', '1.40'],
    ['1.52', '1.44', '1.44'],
    ['1.41', undefined, '1.41'],
  ])('between newest %s and oldest %s speaks %s', (newest, oldest, pinned) => {
    expect(pinVersion(newest, oldest)).toBe(pinned);
  });
});
