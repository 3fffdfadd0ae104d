import { connect } from 'node:net';
import { mkdir, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFilesAgent } from './files-agent.ts';
import type { FilesAgent } from './files-agent.ts';

let agent: FilesAgent;
beforeAll(async () => {
  agent = await startFilesAgent();
  await mkdir(agent.path('work/dir'), { recursive: true });
  await writeFile(agent.path('work/file'), 'line 1\nline 2\n');
});
afterAll(() => agent.stop());

/** Whatever was asked, the answer is a success or an error with both keys. */
async function expectSoundAnswer(response: Response): Promise<void> {
  const text = await response.text();
  if (response.ok || response.status === 304) return;
  const body = JSON.parse(text) as Record<string, unknown>;
  expect(body).toEqual({ code: expect.any(String) as string, message: expect.any(String) as string });
}

/** Below a directory of our own, however many dots there are: what is written must not leave it. */
const odd = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('$', '{', '}', '~', '*', '[', '!', '(', '\\', '%', '\0', '\n', 'a') }),
  fc.constantFrom('file', 'dir', 'dir/', 'file/below', 'a'.repeat(300), 'x/'.repeat(2500)),
);
const inside = (name: string): string => `work/${name.replaceAll('..', '.')}`;

const READS = ['/files/info', '/files/search', '/files/download', '/directories/list'] as const;

describe('the file routes', () => {
  it('answer soundly whatever the path and the parameters', async () => {
    const parameter = fc.constantFrom('', '0', '1', '-1', 'a', '9'.repeat(30), '1e9');
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...READS),
        odd,
        odd,
        parameter,
        async (route, name, pattern, number) => {
          const query = new URLSearchParams({ path: inside(name), pattern, depth: number, offset: number });
          await expectSoundAnswer(await agent.call('GET', `${route}?${query.toString()}`));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('answer soundly whatever the body', async () => {
    const routes = ['/files/mv', '/files/permissions', '/files/replace', '/directories'];
    const member = fc.oneof(fc.jsonValue({ maxDepth: 2 }), odd);
    const fields = fc.record({ src: odd.map(inside), dest: odd.map(inside), old: member, new: member });
    const body = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }).map((value) => (Array.isArray(value) ? value : [value])),
      fc.array(fields, { maxLength: 2 }),
      fc.dictionary(odd.map(inside), fields, { maxKeys: 2 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...routes), body, async (route, value) => {
        await expectSoundAnswer(await agent.call('POST', route, value));
      }),
      { numRuns: 150 },
    );
  });

  it('answer soundly whatever the headers of a download', async () => {
    const value = fc.oneof(
      fc.string({
        unit: fc.constantFrom('b', 'y', 't', 'e', 's', '=', '-', ',', '0', '9', ' ', '"', '*', 'W', '/'),
      }),
      fc.constantFrom(
        'bytes=0-1',
        '*',
        '"x"',
        'Thu, 02 Jan 2025 03:04:05 GMT',
        'bytes=99999999999999999999-',
      ),
    );
    const names = [
      'range',
      'if-range',
      'if-match',
      'if-none-match',
      'if-modified-since',
      'if-unmodified-since',
    ];
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...names), value), async (headers) => {
        const url = `${agent.url}/files/download?path=work/file`;
        await expectSoundAnswer(await fetch(url, { headers }));
      }),
      { numRuns: 150 },
    );
  });

  it('answer soundly whatever is uploaded', async () => {
    const piece = fc.oneof(
      fc.constantFrom('--B\r\n', '\r\n--B\r\n', '\r\n--B--\r\n', '--B', '\r\n\r\n', '\r\n', '\n'),
      fc.constantFrom(
        'Content-Disposition: form-data; name="metadata"; filename="m"\r\n\r\n{"path":"work/up"}',
        'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\ncontent',
        "Content-Disposition: form-data; name=file; filename*=x''%zz\r\n\r\n",
      ),
      fc.string({ unit: 'binary', maxLength: 20 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 10 }), async (pieces) => {
        const headers = { 'content-type': 'multipart/form-data; boundary=B' };
        const body = pieces.join('');
        await expectSoundAnswer(await fetch(`${agent.url}/files/upload`, { method: 'POST', headers, body }));
      }),
      { numRuns: 150 },
    );
  });

  it('outlive requests that are no proper HTTP', async () => {
    const heads = [
      'GET /files/info?path=%zz%00%ff HTTP/1.1\r\nHost: \r\n\r\n',
      'GET /files/info?path=a HTTP/1.1\r\nHost: [bad\r\n\r\n',
      'GET /files/download?path=work/file HTTP/1.1\r\nHost: x\r\nRange: bytes=\xff\r\n\r\n',
      'POST /files/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary="\r\nContent-Length: 2\r\n\r\n{}',
      'POST /files/mv HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ];
    for (const head of heads) await exchange(head);
    await expectSoundAnswer(await agent.call('GET', '/files/info?path=work/file'));
  });
});

/** Sends bytes and waits for any answer, or for the connection to end. */
async function exchange(bytes: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(agent.port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    const end = (): void => {
      socket.destroy();
      resolve();
    };
    socket.once('data', end).once('close', end).once('error', end);
  });
}
