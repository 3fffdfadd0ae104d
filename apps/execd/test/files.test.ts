import { chmod, lstat, mkdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import createClient from 'openapi-fetch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, isVoidSuccess, pathQuery, startFilesAgent } from './files-agent.ts';
import type { FilesAgent } from './files-agent.ts';

let agent: FilesAgent;
beforeAll(async () => {
  agent = await startFilesAgent({ PLACE: 'place' });
});
afterAll(() => agent.stop());

async function file(name: string, content = 'x'): Promise<string> {
  await writeFile(agent.path(name), content);
  return agent.path(name);
}

async function isGone(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    () => true,
  );
}

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o7777).toString(8);

describe('file info', () => {
  it('describes each path under the name it was asked by', async () => {
    const absolute = await file('info.txt', 'hello');
    await chmod(absolute, 0o640);
    const response = await agent.call('GET', `/files/info${pathQuery('info.txt', absolute, '~/info.txt')}`);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const infos = (await response.json()) as Record<string, Record<string, unknown>>;
    expect(Object.keys(infos)).toEqual(['info.txt', absolute, '~/info.txt']);
    const info = infos['info.txt'];
    expect(info).toEqual(infos[absolute]);
    expect(info).toMatchObject({
      path: absolute,
      type: 'file',
      size: 5,
      mode: 640,
      owner: 'root',
      group: 'root',
    });
    const { mtimeMs } = await stat(absolute);
    expect(Math.floor(Date.parse(String(info?.['modified_at'])))).toBe(Math.floor(mtimeMs));
    expect(String(info?.['created_at'])).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/);
  });

  it('shows symbolic links as themselves, dangling ones too', async () => {
    await symlink('/nowhere', agent.path('dangling'));
    const response = await agent.call('GET', `/files/info${pathQuery('dangling')}`);
    expect(await response.json()).toMatchObject({ dangling: { type: 'symlink' } });
  });

  it('is an empty object when nothing is asked', async () => {
    expect(await (await agent.call('GET', '/files/info')).json()).toEqual({});
  });

  it('fails as a whole when one path is missing', async () => {
    const response = await agent.call('GET', `/files/info${pathQuery('info.txt', 'missing')}`);
    const error = await errorOf(response);
    expect(error).toMatchObject({ status: 404, code: 'FILE_NOT_FOUND' });
    expect(error.message).toMatch(/^file not found\. /);
  });

  it('expands variables, refuses undefined ones, and finds names that hold a dollar sign', async () => {
    await mkdir(agent.path('place'));
    await file('place/a');
    await file('cost$PLACE');
    const ok = await agent.call('GET', `/files/info${pathQuery('$PLACE/a', '${PLACE}/a', 'cost$PLACE')}`);
    expect(Object.values((await ok.json()) as object)).toHaveLength(3);
    const bad = await errorOf(await agent.call('GET', `/files/info${pathQuery('$ZZ/$AA')}`));
    expect(bad).toMatchObject({ status: 400, code: 'INVALID_REQUEST_BODY' });
    expect(bad.message).toContain('AA,ZZ');
  });
});

describe('deleting files', () => {
  it('deletes all that are named and takes missing ones as done', async () => {
    const paths = [await file('d1'), await file('d2')];
    expect(isVoidSuccess(await agent.call('DELETE', `/files${pathQuery(...paths, 'missing')}`))).toBe(true);
    expect(await Promise.all(paths.map(isGone))).toEqual([true, true]);
    expect(isVoidSuccess(await agent.call('DELETE', '/files'))).toBe(true);
  });

  it('deletes a dangling link, and of a link to a file only the link', async () => {
    const target = await file('target');
    await symlink('/nowhere', agent.path('l1'));
    await symlink(target, agent.path('l2'));
    expect(isVoidSuccess(await agent.call('DELETE', `/files${pathQuery('l1', 'l2')}`))).toBe(true);
    expect(await isGone(agent.path('l1'))).toBe(true);
    expect(await isGone(agent.path('l2'))).toBe(true);
    expect(await isGone(target)).toBe(false);
  });

  it('refuses directories and links to them', async () => {
    await mkdir(agent.path('dir'));
    await symlink(agent.path('dir'), agent.path('dirlink'));
    for (const name of ['dir', 'dirlink']) {
      const error = await errorOf(await agent.call('DELETE', `/files${pathQuery(name)}`));
      expect(error).toMatchObject({ status: 500, code: 'RUNTIME_ERROR' });
      expect(error.message).toContain('path is a directory: ');
      expect(await isGone(agent.path(name))).toBe(false);
    }
  });

  it('takes five hundred paths in one query', async () => {
    const paths = Array.from(
      { length: 500 },
      (_, index) => `/tmp/no-such-directory/${'x'.repeat(70)}-${index}`,
    );
    expect(isVoidSuccess(await agent.call('DELETE', `/files${pathQuery(...paths)}`))).toBe(true);
  });
});

describe('moving', () => {
  it('makes the parents of the destination', async () => {
    const src = await file('m1', 'content');
    const response = await agent.call('POST', '/files/mv', [{ src, dest: agent.path('a/b/m2') }]);
    expect(isVoidSuccess(response)).toBe(true);
    expect(await readFile(agent.path('a/b/m2'), 'utf8')).toBe('content');
    expect(await modeOf(agent.path('a/b'))).toBe('755');
  });

  it('moves directories and links as they are', async () => {
    await mkdir(agent.path('dir1/inner'), { recursive: true });
    await symlink('/nowhere', agent.path('link1'));
    const moves = [
      { Src: 'dir1', DEST: 'dir2' },
      { src: 'link1', dest: 'link2' },
    ];
    expect(isVoidSuccess(await agent.call('POST', '/files/mv', moves))).toBe(true);
    expect((await stat(agent.path('dir2/inner'))).isDirectory()).toBe(true);
    expect(await readlink(agent.path('link2'))).toBe('/nowhere');
  });

  it('never overwrites and never moves into a directory', async () => {
    await file('s', 'source');
    await file('taken', 'old');
    await mkdir(agent.path('takendir'));
    for (const dest of ['taken', 'takendir', 's']) {
      const error = await errorOf(await agent.call('POST', '/files/mv', [{ src: 's', dest }]));
      expect(error).toMatchObject({ status: 500, code: 'RUNTIME_ERROR' });
      expect(error.message).toContain('destination path already exists: ');
    }
    expect(await readFile(agent.path('taken'), 'utf8')).toBe('old');
  });

  it.each([
    [[{ src: 'missing', dest: 'x' }], 404, 'FILE_NOT_FOUND'],
    [[{ src: '', dest: 'x' }], 400, 'INVALID_REQUEST_BODY'],
    [[null], 400, 'INVALID_REQUEST_BODY'],
    [{ src: 'a' }, 400, 'INVALID_REQUEST_BODY'],
    [[{ src: 1 }], 400, 'INVALID_REQUEST_BODY'],
  ])('refuses %j with %d', async (body, status, code) => {
    expect(await errorOf(await agent.call('POST', '/files/mv', body))).toMatchObject({ status, code });
  });
});

describe('permissions', () => {
  const change = (path: string, permission: unknown): Promise<Response> =>
    agent.call('POST', '/files/permissions', { [path]: permission });

  it.each([
    [{ mode: 644 }, '644'],
    [{ mode: 4755 }, '755'],
    [{ mode: 0 }, '600'],
    [{}, '600'],
    [null, '600'],
    [{ mode: null, owner: null, group: null }, '600'],
  ])('of %j leave mode %s', async (permission, mode) => {
    const path = await file('perm');
    await chmod(path, 0o600);
    expect(isVoidSuccess(await change('perm', permission))).toBe(true);
    expect(await modeOf(path)).toBe(mode);
  });

  it('change owner and group by name', async () => {
    const path = await file('owned');
    expect(isVoidSuccess(await change('owned', { owner: 'nobody', group: 'nogroup' }))).toBe(true);
    expect(await stat(path)).toMatchObject({ uid: 65534, gid: 65534 });
    expect(isVoidSuccess(await change('owned', { group: 'root' }))).toBe(true);
    expect(await stat(path)).toMatchObject({ uid: 65534, gid: 0 });
  });

  it.each([
    [{ mode: 899 }, 500],
    [{ owner: 'no-such-user' }, 500],
    [{ owner: '65534' }, 500],
    [{ group: 'no-such-group' }, 500],
    [{ mode: '755' }, 400],
    [[], 400],
  ])('refuse %j and change nothing', async (permission, status) => {
    const path = await file('kept');
    await chmod(path, 0o600);
    expect((await errorOf(await change('kept', permission))).status).toBe(status);
    expect(await modeOf(path)).toBe('600');
    expect((await stat(path)).uid).toBe(0);
  });

  it('of a missing file fail, unless nothing is asked', async () => {
    expect((await errorOf(await change('missing', { mode: 644 }))).status).toBe(500);
    expect(isVoidSuccess(await change('missing', {}))).toBe(true);
  });
});

describe('request bodies', () => {
  const post = (body: string): Promise<Response> =>
    fetch(`${agent.url}/files/permissions`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain' },
    });

  it('are read up to the end of their first value, whatever the content type', async () => {
    expect(isVoidSuccess(await post('{} trailing'))).toBe(true);
    expect(isVoidSuccess(await post('null'))).toBe(true);
  });

  it.each(['', '{', '[]', '"x"'])('%j is refused', async (body) => {
    const error = await errorOf(await post(body));
    expect(error).toMatchObject({ status: 400, code: 'INVALID_REQUEST_BODY' });
    expect(error.message).toMatch(/^error parsing request, MAYBE invalid body format\. /);
  });
});

describe('a generated client', () => {
  interface VoidCall {
    readonly responses: { readonly 200: { content?: never } };
    readonly parameters: { readonly query?: { readonly path?: readonly string[] } };
    readonly requestBody?: { readonly content: { readonly 'application/json': unknown } };
  }
  interface Paths {
    '/files': { delete: VoidCall };
    '/files/mv': { post: VoidCall };
    '/files/permissions': { post: VoidCall };
    '/files/replace': { post: VoidCall };
    '/directories': { post: VoidCall; delete: VoidCall };
  }

  it('reads every route without a result as success, and an error as an error', async () => {
    const client = createClient<Paths>({ baseUrl: agent.url });
    await file('c1', 'abc');
    const c1 = agent.path('c1');
    const results = [
      await client.POST('/files/permissions', { body: { [c1]: { mode: 644 } } }),
      await client.POST('/files/replace', { body: { [c1]: { old: 'a', new: 'b' } } }),
      await client.POST('/files/mv', { body: [{ src: c1, dest: agent.path('c2') }] }),
      await client.DELETE('/files', { params: { query: { path: [agent.path('c2')] } } }),
      await client.POST('/directories', { body: { [agent.path('cdir')]: { mode: 755, owner: null } } }),
      await client.DELETE('/directories', { params: { query: { path: [agent.path('cdir')] } } }),
    ];
    for (const { error, response } of results) {
      expect(error).toBeUndefined();
      expect(response.status).toBe(200);
    }
    const failed = await client.POST('/files/mv', { body: [{ src: agent.path('none'), dest: '/tmp/x' }] });
    expect(failed.error).toMatchObject({ code: 'FILE_NOT_FOUND', message: expect.any(String) as string });
  });
});
