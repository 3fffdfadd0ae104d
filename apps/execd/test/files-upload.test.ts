import { chmod, chown, link, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, isVoidSuccess, startFilesAgent } from './files-agent.ts';
import type { FilesAgent } from './files-agent.ts';

let agent: FilesAgent;
beforeAll(async () => {
  agent = await startFilesAgent();
});
afterAll(() => agent.stop());
afterEach(async () => {
  expect(await spools()).toEqual([]);
});

/** Nothing that is ours may outlive its request. */
async function spools(): Promise<string[]> {
  const names = await readdir(agent.root, { recursive: true });
  return names.filter((name) => name.includes('opensandbox-spool-'));
}

type Part = readonly ['metadata' | 'file' | 'other', unknown];

function form(...parts: readonly Part[]): FormData {
  const data = new FormData();
  for (const [name, content] of parts) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    data.append(name, new Blob([text]), name);
  }
  return data;
}

const upload = (body: FormData): Promise<Response> =>
  fetch(`${agent.url}/files/upload`, { method: 'POST', body });

const contentOf = (name: string): Promise<string> => readFile(agent.path(name), 'utf8');
const modeOf = async (name: string): Promise<string> =>
  ((await stat(agent.path(name))).mode & 0o777).toString(8);

describe('uploading', () => {
  it('makes the file and its parents with the default mode', async () => {
    const response = await upload(form(['metadata', { path: agent.path('u/v/new') }], ['file', 'content']));
    expect(isVoidSuccess(response)).toBe(true);
    expect(await contentOf('u/v/new')).toBe('content');
    expect([await modeOf('u/v/new'), await modeOf('u/v')]).toEqual(['755', '755']);
  });

  it('gives the mode, owner and group that are asked for', async () => {
    const metadata = { path: 'owned', mode: 600, owner: 'nobody', group: 'nogroup' };
    expect(isVoidSuccess(await upload(form(['metadata', metadata], ['file', 'x'])))).toBe(true);
    expect(await modeOf('owned')).toBe('600');
    expect(await stat(agent.path('owned'))).toMatchObject({ uid: 65534, gid: 65534 });
  });

  it('takes several pairs, whatever the order of their parts', async () => {
    const a = { path: 'pa', owner: null, group: null, mode: null };
    const b = { path: 'pb', Mode: 644 };
    const c = { path: '报告-ü.txt' };
    const response = await upload(
      form(
        ['metadata', a],
        ['file', 'A'],
        ['file', 'B'],
        ['other', 'x'],
        ['metadata', b],
        ['metadata', c],
        ['file', 'C'],
      ),
    );
    expect(isVoidSuccess(response)).toBe(true);
    expect([await contentOf('pa'), await contentOf('pb'), await contentOf('报告-ü.txt')]).toEqual([
      'A',
      'B',
      'C',
    ]);
    expect(await modeOf('pb')).toBe('644');
  });

  it('gives the default mode also to a file that came before its metadata', async () => {
    const response = await upload(form(['file', 'early'], ['metadata', { path: 'early' }]));
    expect(isVoidSuccess(response)).toBe(true);
    expect([await contentOf('early'), await modeOf('early')]).toEqual(['early', '755']);
  });

  it('moves a file that came before its metadata to another file system', async () => {
    const path = `/dev/shm/execd-files-${agent.pid}`;
    try {
      const response = await upload(form(['file', 'across'], ['metadata', { path, mode: 640 }]));
      expect(isVoidSuccess(response)).toBe(true);
      expect(await readFile(path, 'utf8')).toBe('across');
      expect(((await stat(path)).mode & 0o777).toString(8)).toBe('640');
    } finally {
      await rm(path, { force: true });
    }
  });

  it('writes over a file that has other names, which then see it too', async () => {
    await writeFile(agent.path('old'), 'much longer than what comes');
    await chmod(agent.path('old'), 0o640);
    await chown(agent.path('old'), 65534, 65534);
    await link(agent.path('old'), agent.path('old2'));
    const before = await stat(agent.path('old'));
    expect(isVoidSuccess(await upload(form(['metadata', { path: 'old' }], ['file', 'short'])))).toBe(true);
    expect(await contentOf('old2')).toBe('short');
    const after = await stat(agent.path('old'));
    expect([after.ino, after.mode, after.uid]).toEqual([before.ino, before.mode, before.uid]);
  });

  it('writes through links, also to what is not there yet', async () => {
    await mkdir(agent.path('far'));
    await symlink(agent.path('far/made'), agent.path('dangling'));
    expect(isVoidSuccess(await upload(form(['metadata', { path: 'dangling' }], ['file', 'x'])))).toBe(true);
    expect(await contentOf('far/made')).toBe('x');
  });

  it('reads names of parts in every encoding and ignores what they say', async () => {
    const body = [
      `--B\r\nContent-Disposition: form-data; name="metadata"; filename*=UTF-8''%E6%8A%A5\r\n\r\n{"path":"enc"}`,
      `--B\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name="file"; filename="/x/报告"\r\n\r\nE`,
      '--B--\r\n',
    ].join('\r\n');
    const response = await fetch(`${agent.url}/files/upload`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=B' },
      body,
    });
    expect(isVoidSuccess(response)).toBe(true);
    expect(await contentOf('enc')).toBe('E');
  });

  it('takes an empty file', async () => {
    expect(isVoidSuccess(await upload(form(['metadata', { path: 'nil' }], ['file', ''])))).toBe(true);
    expect(await contentOf('nil')).toBe('');
  });

  it('takes a body that says no length', async () => {
    const head =
      '--B\r\nContent-Disposition: form-data; name="metadata"; filename="m"\r\n\r\n{"path":"chunked"}\r\n';
    const file = '--B\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n';
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(head + file);
      for (let index = 0; index < 64; index += 1) yield Buffer.alloc(100_000, 97);
      yield Buffer.from('\r\n--B--\r\n');
    }
    const response = await fetch(`${agent.url}/files/upload`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=B' },
      body: ReadableStream.from(body()),
      duplex: 'half',
    });
    expect(isVoidSuccess(response)).toBe(true);
    expect((await stat(agent.path('chunked'))).size).toBe(6_400_000);
  });

  it.each<[string, readonly Part[], number, string, string]>([
    ['no part', [], 400, 'INVALID_FILE', 'multipart form is empty'],
    ['only metadata', [['metadata', { path: 'e1' }]], 400, 'INVALID_FILE_CONTENT', 'file is missing'],
    ['only a file', [['file', 'x']], 400, 'INVALID_FILE_METADATA', 'metadata file is missing'],
    [
      'two to one',
      [
        ['metadata', { path: 'e2' }],
        ['metadata', { path: 'e3' }],
        ['file', 'x'],
      ],
      400,
      'INVALID_FILE',
      'metadata and file count mismatch: 2 vs 1',
    ],
    [
      'bad JSON',
      [
        ['metadata', '{'],
        ['file', 'x'],
      ],
      400,
      'INVALID_FILE_METADATA',
      'invalid metadata format. ',
    ],
    [
      'no path',
      [
        ['metadata', {}],
        ['file', 'x'],
      ],
      400,
      'INVALID_FILE_METADATA',
      'metadata path is empty',
    ],
    [
      'bad mode',
      [
        ['metadata', { path: 'e4', mode: 999 }],
        ['file', 'x'],
      ],
      500,
      'RUNTIME_ERROR',
      'error writing',
    ],
    [
      'bad owner',
      [
        ['metadata', { path: 'e5', owner: 'nope' }],
        ['file', 'x'],
      ],
      500,
      'RUNTIME_ERROR',
      'error writing',
    ],
    [
      'directory',
      [
        ['metadata', { path: 'ed' }],
        ['file', 'x'],
      ],
      500,
      'RUNTIME_ERROR',
      'error writing',
    ],
    [
      'bad variable',
      [
        ['metadata', { path: '$NOPE/x' }],
        ['file', 'x'],
      ],
      400,
      'INVALID_REQUEST_BODY',
      'path refer',
    ],
  ])('refuses a form with %s and leaves no target', async (_what, parts, ...[status, code, message]) => {
    await mkdir(agent.path('ed'), { recursive: true });
    const error = await errorOf(await upload(form(...parts)));
    expect(error).toMatchObject({ status, code });
    expect(error.message).toContain(message);
    const names = await readdir(agent.root);
    expect(names.filter((name) => /^e\d$/.test(name))).toEqual([]);
  });

  it('refuses what is no form', async () => {
    for (const contentType of [
      'application/json',
      'multipart/form-data',
      'multipart/form-data; boundary=B',
    ]) {
      const headers = { 'content-type': contentType };
      const response = await fetch(`${agent.url}/files/upload`, { method: 'POST', headers, body: '{}' });
      expect(await errorOf(response)).toMatchObject({ status: 400, code: 'INVALID_FILE' });
    }
    expect(await errorOf(await agent.call('POST', '/files/upload'))).toMatchObject({ code: 'INVALID_FILE' });
  });

  it('keeps the pairs before the one that fails', async () => {
    const body = form(['metadata', { path: 'k1' }], ['file', '1'], ['metadata', '{'], ['file', '2']);
    expect((await errorOf(await upload(body))).code).toBe('INVALID_FILE_METADATA');
    expect(await contentOf('k1')).toBe('1');
  });

  it('answers a refused upload only after it has been sent', async () => {
    const big = 'x'.repeat(5_000_000);
    const error = await errorOf(await upload(form(['metadata', 'y'.repeat(2_000_000)], ['file', big])));
    expect(error).toMatchObject({ status: 400, code: 'INVALID_FILE_METADATA' });
  });

  it('leaves neither target nor spool when the client goes away', async () => {
    const target = agent.path('gone/away');
    await mkdir(dirname(target));
    const head = `--B\r\nContent-Disposition: form-data; name="metadata"; filename="m"\r\n\r\n{"path":"${target}"}\r\n`;
    const start = '--B\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n';
    const socket = connect(agent.port, '127.0.0.1');
    socket.write(
      'POST /files/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n' +
        `Content-Length: 100000000\r\n\r\n${head}${start}${'z'.repeat(500_000)}`,
    );
    await expect.poll(() => readdir(dirname(target))).not.toEqual([]);
    socket.destroy();
    await expect.poll(() => readdir(dirname(target))).toEqual([]);
  });
});
