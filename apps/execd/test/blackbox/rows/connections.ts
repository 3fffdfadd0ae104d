import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import createClient from 'openapi-fetch';
import { expect } from 'vitest';
import { runCommand } from '../../support/event-lines.ts';
import { openSession } from '../../support/session-client.ts';
import { call, expectVoid, inQuery, pause } from '../row.ts';
import type { Row } from '../row.ts';

/** Clients and their connections. */
export const CONNECTIONS: readonly Row[] = [
  {
    key: 'T91',
    name: 'a connection that was idle for 20 seconds is still there',
    once: 'connections are kept by the agent alone, whatever it runs in',
    async run(site) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const ping = async (): Promise<boolean> => {
        const sent = request(`${site.url}/ping`, { agent }).end();
        const [answer] = (await once(sent, 'response')) as [IncomingMessage];
        answer.resume();
        await once(answer, 'end');
        expect(answer.statusCode).toBe(200);
        return sent.reusedSocket;
      };
      expect(await ping()).toBe(false);
      await pause(20_000);
      expect(await ping()).toBe(true);
      agent.destroy();
    },
  },
  {
    key: 'T90',
    name: 'the client inside the official SDK reads every answer without a body',
    async run(site) {
      const at = await site.directory();
      await runCommand(site.url, `cd ${at}; echo x > a; echo x > b`);
      const background = await runCommand(site.url, 'sleep 30', { background: true });
      const session = await openSession(site.url);
      const client = createClient<Record<string, Record<string, never>>>({ baseUrl: site.url });
      const send = (method: string, path: string, options: object): Promise<{ error?: unknown }> => {
        const methods = client as unknown as Record<
          string,
          (path: string, options: object) => Promise<object>
        >;
        return methods[method]?.(path, options) ?? Promise.reject(new Error(method));
      };
      const query = (value: object): object => ({ params: { query: value } });
      const calls: readonly (readonly [string, string, object])[] = [
        ['GET', '/ping', {}],
        ['POST', '/directories', { body: { [`${at}/d`]: { mode: 755 } } }],
        ['POST', '/files/permissions', { body: { [`${at}/a`]: { mode: 600 } } }],
        ['POST', '/files/replace', { body: { [`${at}/a`]: { old: 'x', new: 'y' } } }],
        ['POST', '/files/mv', { body: [{ src: `${at}/a`, dest: `${at}/c` }] }],
        ['DELETE', '/files', query({ path: [`${at}/b`] })],
        ['DELETE', '/directories', query({ path: [`${at}/d`] })],
        ['DELETE', '/command', query({ id: background.id })],
        ['DELETE', `/session/${session.id}`, {}],
      ];
      for (const [method, path, options] of calls) {
        const { error } = await send(method, path, options);
        expect(error, `${method} ${path}`).toBeUndefined();
      }
      const refused = await send('DELETE', `/session/${session.id}`, {});
      expect(refused.error).toMatchObject({ code: 'CONTEXT_NOT_FOUND' });
    },
  },
  {
    key: 'T92',
    name: 'a request line of 50 KB is read',
    async run(site) {
      const at = await site.directory();
      await runCommand(site.url, `: > ${at}/last`);
      const paths = Array.from({ length: 500 }, (_, n) => `${at}/${'x'.repeat(50)}${n}`);
      const query = [...paths, `${at}/last`].map(inQuery).join('&');
      expect(query.length).toBeGreaterThan(50_000);
      await expectVoid(await call(site, 'DELETE', `/files?${query}`));
      expect((await call(site, 'GET', `/files/info?${inQuery(`${at}/last`)}`)).status).toBe(404);
    },
  },
];
