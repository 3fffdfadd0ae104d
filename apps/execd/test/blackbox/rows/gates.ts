import { once } from 'node:events';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { call, expectVoid } from '../row.ts';
import type { Row } from '../row.ts';

const TOKEN = 'row-token';
const HEADER = 'X-EXECD-ACCESS-TOKEN';

/** Health, the token, unknown routes and the way to the sandbox's ports. */
export const GATES: readonly Row[] = [
  {
    key: 'T01',
    name: 'a ping is answered with nothing, and says so',
    run: async (site) => expectVoid(await call(site, 'GET', '/ping')),
  },
  {
    key: 'T02',
    name: 'a token that was set must come with every request',
    async run(site) {
      const { url } = await site.agent({ env: { EXECD_ACCESS_TOKEN: TOKEN } });
      const ask = async (headers: Record<string, string>): Promise<Response> =>
        fetch(`${url}/ping`, { headers });
      const refused = await ask({});
      expect(refused.status).toBe(401);
      expect(await refused.json()).toMatchObject({
        error: expect.stringContaining('Unauthorized') as string,
        code: expect.any(String) as string,
        message: expect.any(String) as string,
      });
      expect((await ask({ [HEADER]: `${TOKEN}x` })).status).toBe(401);
      expect((await ask({ [HEADER]: TOKEN })).status).toBe(200);
    },
  },
  {
    key: 'T03',
    name: 'without the token neither unknown routes nor ports can be told apart',
    async run(site) {
      const guarded = await site.agent({ args: [`--access-token=${TOKEN}`] });
      for (const path of ['/nope', `/proxy/${guarded.port}/ping`, '/proxy/9009/']) {
        expect((await call(guarded, 'GET', path)).status).toBe(401);
      }
    },
  },
  {
    key: 'T04',
    name: 'unknown routes and wrong methods are not found, in words',
    async run(site) {
      for (const [method, path] of [
        ['GET', '/nope'],
        ['POST', '/ping'],
        ['PUT', '/command'],
      ] as const) {
        const answer = await call(site, method, path);
        expect(answer.status).toBe(404);
        expect(await answer.text()).not.toBe('');
      }
      expect((await call(site, 'HEAD', '/ping')).status).toBe(404);
    },
  },
  {
    key: 'T05',
    name: 'the proxy leads to the agent itself, however often',
    async run(site) {
      const self = `/proxy/${site.port}`;
      for (const path of [`${self}/ping`, `${self}${self}/ping`]) {
        await expectVoid(await call(site, 'GET', path));
      }
    },
  },
  {
    key: 'T06',
    name: 'no port is refused, a closed port is a bad gateway',
    async run(site) {
      expect((await call(site, 'GET', '/proxy/')).status).toBe(400);
      expect((await call(site, 'GET', '/proxy/1/')).status).toBe(502);
    },
  },
  {
    key: 'T07',
    name: 'a WebSocket inside the sandbox is reached with path and query as they are',
    async run(site) {
      expect(await (await call(site, 'GET', '/proxy/9009/a%2Fb?c=%20d')).text()).toBe('GET /a%2Fb?c=%20d');
      const socket = new WebSocket(`${site.url.replace('http', 'ws')}/proxy/9009/x?y=1`);
      const [path] = (await once(socket, 'message')) as [Buffer];
      expect(path.toString()).toBe('/x?y=1');
      const bytes = Buffer.from([0, 255, 1, 254]);
      socket.send(bytes);
      expect(await once(socket, 'message')).toEqual([bytes, true]);
      socket.close();
      await once(socket, 'close');
    },
  },
];
