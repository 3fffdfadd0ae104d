import { once } from 'node:events';
import { request } from 'node:http';
import { expect } from 'vitest';
import { eventually, runCommand } from '../../support/event-lines.ts';
import { call, expectError, expectVoid, inQuery, jsonOf } from '../row.ts';
import type { Row } from '../row.ts';
import type { Site } from '../site.ts';

interface Part {
  readonly name: 'metadata' | 'file';
  readonly text: string;
}

const meta = (value: unknown): Part => ({ name: 'metadata', text: JSON.stringify(value) });
const file = (text: string): Part => ({ name: 'file', text });

async function upload(site: Site, ...parts: readonly Part[]): Promise<Response> {
  const form = new FormData();
  for (const { name, text } of parts) form.append(name, new Blob([text]), name);
  return fetch(`${site.url}/files/upload`, { method: 'POST', body: form });
}

async function read(site: Site, path: string): Promise<string> {
  return (await call(site, 'GET', `/files/download?${inQuery(path)}`)).text();
}

interface Info {
  readonly size: number;
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
}

async function infoOf(site: Site, path: string): Promise<Info | undefined> {
  const all = await jsonOf<Record<string, Info>>(await call(site, 'GET', `/files/info?${inQuery(path)}`));
  return all[path];
}

const MIB = 1024 * 1024;

/** Sends a large file in pieces, without saying how much there will be. */
async function uploadChunked(site: Site, path: string, mebibytes: number): Promise<number> {
  const head = (name: string): string =>
    `--B\r\nContent-Disposition: form-data; name="${name}"; filename="${name}"\r\n\r\n`;
  const sent = request(`${site.url}/files/upload`, {
    method: 'POST',
    headers: { 'Content-Type': 'multipart/form-data; boundary=B' },
  });
  const answered = once(sent, 'response') as Promise<[{ statusCode: number; resume(): void }]>;
  sent.write(`${head('metadata')}${JSON.stringify({ path })}\r\n${head('file')}`);
  const piece = Buffer.alloc(MIB, 'x');
  for (let left = mebibytes; left > 0; left -= 1) if (!sent.write(piece)) await once(sent, 'drain');
  sent.end('\r\n--B--\r\n');
  const [answer] = await answered;
  answer.resume();
  return answer.statusCode;
}

export const UPLOADS: readonly Row[] = [
  {
    key: 'T60',
    name: 'a file is written, and written again with another mode',
    async run(site) {
      const path = `${await site.directory()}/below/file`;
      await expectVoid(await upload(site, meta({ path }), file('one')));
      expect((await infoOf(site, path))?.mode).toBe(755);
      await expectVoid(await upload(site, meta({ path, mode: 600 }), file('two')));
      expect((await infoOf(site, path))?.mode).toBe(600);
      await expectVoid(await upload(site, meta({ path }), file('3')));
      expect(await infoOf(site, path)).toMatchObject({ mode: 600, size: 1 });
      expect(await read(site, path)).toBe('3');
    },
  },
  {
    key: 'T60-owner',
    name: 'a file is written for another owner',
    needs: ['root', 'accounts'],
    async run(site) {
      const path = `${await site.directory()}/file`;
      const wanted = { mode: 600, owner: 'nobody', group: 'nogroup' };
      await expectVoid(await upload(site, meta({ path, ...wanted }), file('x')));
      expect(await infoOf(site, path)).toMatchObject(wanted);
    },
  },
  {
    key: 'T61',
    name: 'several files in one request are written in their order',
    async run(site) {
      const directory = await site.directory();
      const paths = ['a', 'bé ü', 'c\u3000日本'].map((name) => `${directory}/${name}`);
      const nothing = { owner: null, group: null, mode: null };
      const parts = paths.flatMap((path, index) => [meta({ path, ...nothing }), file(`content ${index}`)]);
      await expectVoid(await upload(site, ...parts));
      for (const [index, path] of paths.entries()) expect(await read(site, path)).toBe(`content ${index}`);
    },
  },
  {
    key: 'T61-large',
    name: 'a large file of unknown length arrives whole',
    async run(site) {
      const size = site.kind.name === 'Debian' ? 200 : 16;
      const path = `${await site.directory()}/large`;
      expect(await uploadChunked(site, path, size)).toBe(200);
      expect((await infoOf(site, path))?.size).toBe(size * MIB);
      await runCommand(site.url, `rm ${path}`);
    },
  },
  {
    key: 'T62',
    name: 'an upload that is not complete is refused with what is missing',
    async run(site) {
      const path = `${await site.directory()}/file`;
      const one = meta({ path });
      const plain = await fetch(`${site.url}/files/upload`, { method: 'POST', body: 'no form' });
      await expectError(plain, 400, 'INVALID_FILE');
      await expectError(await upload(site, one), 400, 'INVALID_FILE_CONTENT', /^file is missing$/);
      await expectError(
        await upload(site, file('x')),
        400,
        'INVALID_FILE_METADATA',
        /^metadata file is missing$/,
      );
      const uneven = await upload(site, one, one, file('x'));
      await expectError(uneven, 400, 'INVALID_FILE', /^metadata and file count mismatch: 2 vs 1$/);
      const bad = await upload(site, { name: 'metadata', text: '{' }, file('x'));
      await expectError(bad, 400, 'INVALID_FILE_METADATA', /^invalid metadata format\. /);
      const empty = await upload(site, meta({ path: '' }), file('x'));
      await expectError(empty, 400, 'INVALID_FILE_METADATA', /^metadata path is empty$/);
    },
  },
  {
    key: 'T62-refused',
    name: 'what an ordinary user may not write is refused in words',
    needs: ['an ordinary user'],
    async run(site) {
      const refused = await upload(site, meta({ path: '/etc/row' }), file('x'));
      expect(refused.status).toBeGreaterThanOrEqual(400);
      expect(await refused.json()).toMatchObject({ code: 'RUNTIME_ERROR' });
    },
  },
  {
    key: 'T93-short',
    name: 'a file that comes slowly is waited for',
    once: 'an hour of it would be the same; the long form is the soak test',
    async run(site) {
      const path = `${await site.directory()}/slow`;
      const body = new ReadableStream({
        async start(stream) {
          const text = new TextEncoder();
          stream.enqueue(
            text.encode(`--B\r\nContent-Disposition: form-data; name="metadata"; filename="m"\r\n\r\n`),
          );
          stream.enqueue(text.encode(`{"path":"${path}"}\r\n`));
          stream.enqueue(
            text.encode(`--B\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n`),
          );
          for (let n = 0; n < 12; n += 1) {
            await new Promise((resume) => setTimeout(resume, 1000));
            stream.enqueue(text.encode('x'));
          }
          stream.enqueue(text.encode('\r\n--B--\r\n'));
          stream.close();
        },
      });
      const headers = { 'content-type': 'multipart/form-data; boundary=B' };
      const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
      await expectVoid(await fetch(`${site.url}/files/upload`, init));
      await eventually(async () => ((await read(site, path)) === 'x'.repeat(12) ? true : undefined));
    },
  },
];
