import { execFile } from 'node:child_process';
import { chmod, chown, lstat, mkdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, isVoidSuccess, startFilesAgent } from './files-agent.ts';
import type { FilesAgent } from './files-agent.ts';

let agent: FilesAgent;
beforeAll(async () => {
  agent = await startFilesAgent();
  await mkdir(agent.path('dir'));
  await promisify(execFile)('mkfifo', [agent.path('pipe')]);
});
afterAll(() => agent.stop());

async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(agent.path(name), content);
  return agent.path(name);
}

const download = (
  name: string,
  options: { readonly query?: string; readonly headers?: Record<string, string> } = {},
): Promise<Response> =>
  fetch(`${agent.url}/files/download?path=${encodeURIComponent(agent.path(name))}${options.query ?? ''}`, {
    headers: options.headers ?? {},
  });

describe('downloading a file', () => {
  it('sends it whole with its size, date and name', async () => {
    const path = await file('ten', '0123456789');
    await utimes(path, 0, Date.parse('2025-01-02T03:04:05.600Z') / 1000);
    const response = await download('ten');
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '10',
      'accept-ranges': 'bytes',
      'last-modified': 'Thu, 02 Jan 2025 03:04:05 GMT',
      'content-disposition': 'attachment; filename="ten"',
    });
    expect(response.headers.has('content-range')).toBe(false);
    expect(await response.text()).toBe('0123456789');
  });

  it('names a file beyond ASCII in both ways, and lets no name end the header', async () => {
    await file('report-报告.pdf', 'x');
    await file('a"b\r\nX-Evil: 1', 'x');
    expect((await download('report-报告.pdf')).headers.get('content-disposition')).toBe(
      'attachment; filename="report-%E6%8A%A5%E5%91%8A.pdf"; filename*=UTF-8\'\'report-%E6%8A%A5%E5%91%8A.pdf',
    );
    const evil = await download('a"b\r\nX-Evil: 1');
    expect(evil.headers.get('content-disposition')).toBe('attachment; filename="a\\"bX-Evil: 1"');
    expect(evil.headers.has('x-evil')).toBe(false);
  });

  it('of no bytes says so', async () => {
    await file('empty', '');
    expect(isVoidSuccess(await download('empty'))).toBe(true);
  });

  it.each([
    ['directory', 'dir', 400, 'INVALID_FILE'],
    ['missing file', 'none', 404, 'FILE_NOT_FOUND'],
    ['pipe', 'pipe', 400, 'INVALID_FILE'],
    ['endless device', '../../dev/zero', 400, 'INVALID_FILE'],
  ])('refuses a %s', async (_what, name, status, code) => {
    expect(await errorOf(await download(name))).toMatchObject({ status, code });
  });

  it('refuses to be without a path', async () => {
    const error = await errorOf(await agent.call('GET', '/files/download'));
    expect(error).toEqual({ status: 400, code: 'MISSING_QUERY', message: "missing query parameter 'path'" });
  });
});

describe('a range', () => {
  beforeAll(() => file('range', '0123456789'));
  const ranged = (range: string, headers: Record<string, string> = {}): Promise<Response> =>
    download('range', { headers: { range, ...headers } });

  it.each([
    ['bytes=0-9', '0123456789', 'bytes 0-9/10'],
    ['bytes=5-', '56789', 'bytes 5-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=0-999', '0123456789', 'bytes 0-9/10'],
    ['bytes=2-4,6-7', '234', 'bytes 2-4/10'],
    ['bytes=50-60,1-1', '1', 'bytes 1-1/10'],
  ])('%j is answered with %j', async (range, text, contentRange) => {
    const response = await ranged(range);
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(contentRange);
    expect(response.headers.get('content-length')).toBe(String(text.length));
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="range"');
    expect(await response.text()).toBe(text);
  });

  it.each(['bytes=5-2', 'x', 'bytes=', 'items=1-2'])('%j is refused as malformed', async (range) => {
    const response = await ranged(range);
    expect(await errorOf(response)).toMatchObject({ status: 416, code: 'UNKNOWN' });
  });

  it('beyond the end is refused with the size', async () => {
    const response = await ranged('bytes=100-');
    expect(response.headers.get('content-range')).toBe('bytes */10');
    expect(await errorOf(response)).toMatchObject({ status: 416, code: 'UNKNOWN' });
  });

  it('of an empty file is the empty file', async () => {
    await file('none', '');
    expect(isVoidSuccess(await download('none', { headers: { range: 'bytes=0-9' } }))).toBe(true);
  });

  it('is served only of the version that If-Range names', async () => {
    const { headers } = await download('range');
    const etag = headers.get('etag') ?? '';
    const date = headers.get('last-modified') ?? '';
    for (const same of [etag, date]) {
      expect((await ranged('bytes=0-1', { 'if-range': same })).status).toBe(206);
    }
    for (const other of ['"other"', 'Thu, 01 Jan 1970 00:00:00 GMT']) {
      const response = await ranged('bytes=0-1', { 'if-range': other });
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('0123456789');
    }
    await file('long', new Uint8Array(3_000_000).fill(65));
    const long = await download('long', { headers: { range: 'bytes=0-1', 'if-range': '"other"' } });
    expect(long.status).toBe(200);
    expect((await long.arrayBuffer()).byteLength).toBe(3_000_000);
  });

  it('is not needed when the client has the file already', async () => {
    const { headers } = await download('range');
    const etag = headers.get('etag') ?? '';
    const date = headers.get('last-modified') ?? '';
    expect((await download('range', { headers: { 'if-none-match': etag } })).status).toBe(304);
    expect((await download('range', { headers: { 'if-modified-since': date } })).status).toBe(304);
    expect((await download('range', { headers: { 'if-none-match': '"x"' } })).status).toBe(200);
    const failed = await download('range', { headers: { 'if-match': '"x"' } });
    expect(await errorOf(failed)).toMatchObject({ status: 412 });
  });
});

describe('lines', () => {
  beforeAll(async () => {
    await file('four', 'l1\nl2\nl3\nl4\n');
    await file('crlf', 'a\r\nb\r\n');
    await file('numbers', Array.from({ length: 300_000 }, (_, index) => `line ${index + 1}\n`).join(''));
  });

  it.each([
    ['four', '&offset=2&limit=2', 'l2\nl3'],
    ['four', '&offset=4', 'l4'],
    ['four', '&limit=2', 'l1\nl2'],
    ['four', '&offset=100', ''],
    ['four', '&offset=1&limit=&', 'l1\nl2\nl3\nl4'],
    ['crlf', '&offset=1', 'a\nb'],
    ['numbers', '&offset=299999', 'line 299999\nline 300000'],
    ['numbers', '&offset=150000&limit=1', 'line 150000'],
  ])('of %s by %j are %j', async (name, query, text) => {
    const response = await download(name, { query });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('content-length')).toBe(String(text.length));
    expect(await response.text()).toBe(text);
  });

  it('of a long file are all there, in order', async () => {
    const text = await (await download('numbers', { query: '&offset=2' })).text();
    const lines = text.split('\n');
    expect(lines).toHaveLength(299_999);
    expect([lines[0], lines.at(-1)]).toEqual(['line 2', 'line 300000']);
  });

  it('are absent when both parameters are empty', async () => {
    const response = await download('four', { query: '&offset=&limit=' });
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
  });

  it.each(['&offset=0', '&limit=0', '&limit=a', '&offset=-1', '&limit=1.5'])('refuse %j', async (query) => {
    const error = await errorOf(await download('four', { query }));
    expect(error).toMatchObject({ status: 400, code: 'INVALID_REQUEST_BODY' });
  });

  it('cannot be asked for together with a range', async () => {
    const response = await download('four', { query: '&offset=1', headers: { range: 'bytes=0-1' } });
    expect(await errorOf(response)).toMatchObject({ status: 400, code: 'INVALID_REQUEST_BODY' });
  });
});

describe('replacing', () => {
  const replace = (body: unknown, query = ''): Promise<Response> =>
    agent.call('POST', `/files/replace${query}`, body);

  it('counts, file by file, when asked', async () => {
    await file('r1', 'one');
    await file('r0', 'none');
    await file('r3', 'x-x-x');
    const body = {
      [agent.path('r1')]: { old: 'one', new: 'two' },
      r0: { Old: 'zzz', NEW: 'y' },
      r3: { old: 'x', new: null },
    };
    const response = await replace(body, '?verbose=true');
    expect(await response.json()).toEqual({
      [agent.path('r1')]: { replacedCount: 1 },
      r0: { replacedCount: 0 },
      r3: { replacedCount: 3 },
    });
    expect(await readFile(agent.path('r3'), 'utf8')).toBe('--');
  });

  it('says nothing when not asked', async () => {
    await file('quiet', 'a');
    for (const query of ['', '?verbose=1', '?verbose=TRUE']) {
      expect(isVoidSuccess(await replace({ quiet: { old: 'a', new: 'a' } }, query))).toBe(true);
    }
  });

  it('keeps mode, owner and the bytes around, also through a link', async () => {
    const bytes = Buffer.from([0, 255, 97, 98, 254, 0]);
    const path = await file('bin', bytes);
    await chmod(path, 0o640);
    await chown(path, 65534, 65534);
    await symlink(path, agent.path('binlink'));
    const before = await stat(path);
    expect(isVoidSuccess(await replace({ binlink: { old: 'ab', new: 'longer' } }))).toBe(true);
    expect(await readFile(path)).toEqual(
      Buffer.concat([bytes.subarray(0, 2), Buffer.from('longer'), bytes.subarray(4)]),
    );
    const after = await stat(path);
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect((await lstat(agent.path('binlink'))).isSymbolicLink()).toBe(true);
  });

  it.each([3_000_000, 20])('touches a file of %d bytes that holds nothing to replace', async (size) => {
    const path = await file('touched', 'a'.repeat(size));
    await utimes(path, 0, 0);
    await replace({ touched: { old: 'zz', new: 'y' } });
    expect((await stat(path)).mtimeMs).toBeGreaterThan(0);
    expect((await stat(path)).size).toBe(size);
  });

  it('works on files larger than memory should hold, shrinking and growing them', async () => {
    const block = `${'.'.repeat(65_533)}abc`;
    const path = await file('big', block.repeat(64));
    await chmod(path, 0o604);
    const count = async (body: unknown): Promise<unknown> => (await replace(body, '?verbose=true')).json();
    expect(await count({ big: { old: 'abc', new: '' } })).toEqual({ big: { replacedCount: 64 } });
    expect((await stat(path)).size).toBe(64 * 65_533);
    expect(await count({ big: { old: '.....', new: '12345678' } })).toMatchObject({});
    expect((await stat(path)).size).toBeGreaterThan(6_000_000);
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe('604');
  });

  it('lets two requests on one file follow each other', async () => {
    const path = await file('shared', 'a'.repeat(2_000_000));
    await Promise.all([
      replace({ shared: { old: 'a', new: 'bb' } }),
      replace({ shared: { old: 'a', new: 'cc' } }),
      replace({ shared: { old: 'a', new: 'dd' } }),
    ]);
    expect(await readFile(path, 'utf8')).toMatch(/^(b{4000000}|c{4000000}|d{4000000})$/);
  });

  it.each([
    [{ range: { old: '', new: 'x' } }, 400, 'INVALID_REQUEST_BODY'],
    [{ missing: { old: '', new: 'x' } }, 404, 'FILE_NOT_FOUND'],
    [{ dir: { old: 'a', new: 'x' } }, 500, 'RUNTIME_ERROR'],
    [{ '/dev/null': { old: 'a', new: 'x' } }, 500, 'RUNTIME_ERROR'],
    [{ pipe: { old: 'a', new: 'x' } }, 500, 'RUNTIME_ERROR'],
    [{ range: { old: 1 } }, 400, 'INVALID_REQUEST_BODY'],
  ])('refuses %j with %d', async (body, status, code) => {
    expect(await errorOf(await replace(body))).toMatchObject({ status, code });
  });
});
