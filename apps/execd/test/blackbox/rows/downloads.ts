import { expect } from 'vitest';
import { runCommand } from '../../support/event-lines.ts';
import { call, expectError, inQuery } from '../row.ts';
import type { Row } from '../row.ts';
import type { Site } from '../site.ts';

async function write(site: Site, name: string, format: string): Promise<string> {
  const path = `${await site.directory()}/${name}`;
  const { last } = await runCommand(site.url, `printf '${format}' > "$FILE"`, { envs: { FILE: path } });
  expect(last.type).toBe('execution_complete');
  return path;
}

function download(
  site: Site,
  path: string,
  query = '',
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${site.url}/files/download?${inQuery(path)}${query}`, { headers });
}

const RANGES: readonly (readonly [string, string, string])[] = [
  ['bytes=0-9', 'bytes 0-9/10', '0123456789'],
  ['bytes=5-', 'bytes 5-9/10', '56789'],
  ['bytes=-3', 'bytes 7-9/10', '789'],
  ['bytes=0-999', 'bytes 0-9/10', '0123456789'],
];

/** Files as they are read: whole, in ranges of bytes, by lines. */
export const DOWNLOADS: readonly Row[] = [
  {
    key: 'T72',
    name: 'a whole file comes with its length and name',
    async run(site) {
      const path = await write(site, 'report-报告.pdf', '0123456789');
      const answer = await download(site, path);
      expect(answer.status).toBe(200);
      const name = 'report-%E6%8A%A5%E5%91%8A.pdf';
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'application/octet-stream',
        'content-length': '10',
        'accept-ranges': 'bytes',
        'last-modified': expect.stringMatching(/GMT$/) as string,
        'content-disposition': `attachment; filename="${name}"; filename*=UTF-8''${name}`,
      });
      expect(await answer.text()).toBe('0123456789');
      const since = { 'If-Modified-Since': answer.headers.get('last-modified') ?? '' };
      expect((await download(site, path, '', since)).status).toBe(304);
      const plain = await write(site, 'plain.txt', '');
      const headers = (await download(site, plain)).headers;
      expect(headers.get('content-disposition')).toBe('attachment; filename="plain.txt"');
    },
  },
  {
    key: 'T73',
    name: 'ranges of bytes are cut out, or refused completely',
    async run(site) {
      const path = await write(site, 'ten', '0123456789');
      for (const [range, wanted, text] of RANGES) {
        const answer = await download(site, path, '', { range });
        expect([answer.status, answer.headers.get('content-range'), await answer.text()]).toEqual([
          206,
          wanted,
          text,
        ]);
      }
      for (const range of ['bytes=5-2', 'x', 'bytes=100-']) {
        const refused = await download(site, path, '', { range });
        if (range === 'bytes=100-') expect(refused.headers.get('content-range')).toBe('bytes */10');
        await expectError(refused, 416, 'UNKNOWN');
      }
      const empty = await download(site, await write(site, 'empty', ''), '', { range: 'bytes=0-9' });
      expect([200, 416]).toContain(empty.status);
      await empty.text();
    },
  },
  {
    key: 'T74',
    name: 'lines are cut out without their ends',
    async run(site) {
      const path = await write(site, 'lines', 'l1\\nl2\\r\\nl3\\nl4\\nl5\\n');
      const read = async (query: string): Promise<string> => {
        const answer = await download(site, path, query);
        expect(answer.status).toBe(200);
        expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
        return answer.text();
      };
      expect(await read('&offset=2&limit=2')).toBe('l2\nl3');
      expect(await read('&offset=4')).toBe('l4\nl5');
      expect(await read('&limit=2')).toBe('l1\nl2');
      expect(await read('&offset=100')).toBe('');
      expect((await download(site, path, '&offset=&limit=')).headers.get('content-length')).toBe('16');
      for (const query of ['&offset=0', '&limit=a', '&limit=0', '&offset=-1']) {
        await expectError(await download(site, path, query), 400, 'INVALID_REQUEST_BODY');
      }
      const both = await download(site, path, '&limit=1', { range: 'bytes=0-1' });
      await expectError(both, 400, 'INVALID_REQUEST_BODY');
    },
  },
  {
    key: 'T75',
    name: 'what is no file is not downloaded',
    async run(site) {
      for (const path of ['/tmp', '/dev/zero', '/dev/null']) {
        const refused = await download(site, path);
        expect(refused.status).toBeGreaterThanOrEqual(400);
        expect(refused.status).toBeLessThan(500);
        expect(await refused.json()).toMatchObject({ code: expect.any(String) as string });
      }
      await expectError(await download(site, '/no/such'), 404, 'FILE_NOT_FOUND');
      await expectError(await call(site, 'GET', '/files/download'), 400, 'MISSING_QUERY');
    },
  },
];
