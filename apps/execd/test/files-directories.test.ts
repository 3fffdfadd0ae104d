import { chmod, lstat, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, isVoidSuccess, pathQuery, startFilesAgent } from './files-agent.ts';
import type { FilesAgent } from './files-agent.ts';

let agent: FilesAgent;
beforeAll(async () => {
  agent = await startFilesAgent();
});
afterAll(() => agent.stop());

interface Info {
  readonly path: string;
  readonly type: string;
  readonly size: number;
}

const modeOf = async (name: string): Promise<string> =>
  ((await stat(agent.path(name))).mode & 0o777).toString(8);

async function list(query: string): Promise<Info[]> {
  const response = await agent.call('GET', `/directories/list?${query}`);
  if (response.status !== 200) throw new Error(await response.text());
  return (await response.json()) as Info[];
}

async function search(path: string, pattern?: string): Promise<Response> {
  const query = new URLSearchParams({ path, ...(pattern === undefined ? {} : { pattern }) });
  return agent.call('GET', `/files/search?${query.toString()}`);
}

async function found(path: string, pattern?: string): Promise<string[]> {
  const response = await search(agent.path(path), pattern);
  if (response.status !== 200) throw new Error(await response.text());
  const infos = (await response.json()) as Info[];
  return infos.map((info) => info.path.slice(agent.path(path).length + 1));
}

describe('making directories', () => {
  it('makes parents too, and gives the mode to the leaf only', async () => {
    const body = { [agent.path('n1/n2')]: { mode: 700 }, 'n3/n4': {} };
    expect(isVoidSuccess(await agent.call('POST', '/directories', body))).toBe(true);
    expect([await modeOf('n1'), await modeOf('n1/n2'), await modeOf('n3/n4')]).toEqual(['755', '700', '755']);
  });

  it('leaves a directory that exists as it is', async () => {
    await mkdir(agent.path('there'));
    const body = { there: { mode: 700, owner: 'nobody' } };
    expect(isVoidSuccess(await agent.call('POST', '/directories', body))).toBe(true);
    expect(await modeOf('there')).toBe('755');
    expect((await stat(agent.path('there'))).uid).toBe(0);
  });

  it('refuses a path that is a file or goes through one', async () => {
    await writeFile(agent.path('plain'), '');
    for (const name of ['plain', 'plain/below']) {
      expect(await errorOf(await agent.call('POST', '/directories', { [name]: {} }))).toMatchObject({
        status: 500,
        code: 'RUNTIME_ERROR',
      });
    }
  });
});

describe('removing directories', () => {
  const remove = (...paths: string[]): Promise<Response> =>
    agent.call('DELETE', `/directories${pathQuery(...paths)}`);

  it('takes everything in them, files too, and what is missing as done', async () => {
    await mkdir(agent.path('r1/deep/er'), { recursive: true });
    await writeFile(agent.path('r1/deep/f'), '');
    await writeFile(agent.path('r2'), '');
    expect(isVoidSuccess(await remove('r1', agent.path('r2'), 'missing', ''))).toBe(true);
    expect(await readdir(agent.root)).not.toContain('r1');
    expect(await readdir(agent.root)).not.toContain('r2');
  });

  it('of a link removes only the link', async () => {
    await mkdir(agent.path('real/inside'), { recursive: true });
    await symlink(agent.path('real'), agent.path('link'));
    expect(isVoidSuccess(await remove('link'))).toBe(true);
    expect(await readdir(agent.path('real'))).toEqual(['inside']);
    await expect(lstat(agent.path('link'))).rejects.toThrow('ENOENT');
  });

  it.each(['.', 'real/.', '/'])('refuses %j', async (path) => {
    const error = await errorOf(await remove(path));
    expect(error).toMatchObject({ status: 500, code: 'RUNTIME_ERROR' });
    expect(error.message).toMatch(/^error removing directory /);
    expect(await readdir(agent.root)).not.toEqual([]);
  });
});

describe('listing', () => {
  beforeAll(async () => {
    await mkdir(agent.path('l/alpha/deep'), { recursive: true });
    for (const name of ['bravo', 'charlie', 'alpha/y', 'alpha/x', 'alpha/deep/z', 'alpha.d']) {
      await writeFile(agent.path(`l/${name}`), name);
    }
    await symlink(agent.path('l/alpha'), agent.path('l/beta'));
  });
  const names = async (query: string): Promise<string[]> =>
    (await list(`path=${agent.path('l')}${query}`)).map((info) => info.path.slice(agent.path('l/').length));

  it('shows one level in the order of bytes when no depth is asked', async () => {
    const level = ['alpha', 'alpha.d', 'beta', 'bravo', 'charlie'];
    expect(await names('')).toEqual(level);
    expect(await names('&depth=')).toEqual(level);
  });

  it('shows what is in a directory after it, and follows no links', async () => {
    const two = ['alpha', 'alpha/deep', 'alpha/x', 'alpha/y', 'alpha.d', 'beta', 'bravo', 'charlie'];
    expect(await names('&depth=2')).toEqual(two);
    expect(await names('&depth=99')).toEqual([...two.slice(0, 2), 'alpha/deep/z', ...two.slice(2)]);
    const types = (await list(`path=${agent.path('l')}`)).map((info) => info.type);
    expect(types).toEqual(['directory', 'file', 'symlink', 'file', 'file']);
  });

  it('is empty at depth zero', async () => {
    expect(await names('&depth=0')).toEqual([]);
  });

  it.each([
    ['path=l&depth=-1', 400, 'INVALID_REQUEST_BODY'],
    ['path=l&depth=abc', 400, 'INVALID_REQUEST_BODY'],
    ['path=l/bravo', 400, 'INVALID_REQUEST_BODY'],
    ['path=l/beta', 400, 'INVALID_REQUEST_BODY'],
    ['path=l/missing', 404, 'FILE_NOT_FOUND'],
    ['', 400, 'MISSING_QUERY'],
  ])('refuses %j with %d', async (query, status, code) => {
    expect(await errorOf(await agent.call('GET', `/directories/list?${query}`))).toMatchObject({
      status,
      code,
    });
  });

  it('shows names that are no UTF-8 with replacement characters', async () => {
    await mkdir(agent.path('odd'));
    await writeFile(Buffer.concat([Buffer.from(`${agent.path('odd')}/a`), Buffer.of(0xff)]), 'four');
    await writeFile(agent.path('odd/b'), '');
    const infos = await list(`path=${agent.path('odd')}`);
    expect(infos.map((info) => [info.path.slice(agent.path('odd/').length), info.size])).toEqual([
      ['a\uFFFD', 4],
      ['b', 0],
    ]);
  });

  it('shows what is in directories whose names are no UTF-8, and names that look alike once each', async () => {
    const bytes = (name: string, ...more: number[]): Buffer =>
      Buffer.concat([Buffer.from(`${agent.path('alike')}/${name}`), Buffer.from(more)]);
    await mkdir(bytes('d', 0xff), { recursive: true });
    await writeFile(Buffer.concat([bytes('d', 0xff), Buffer.from('/in\n side')]), 'five5');
    await writeFile(bytes('f', 0xfe), '1');
    await writeFile(bytes('f', 0xfd), '22');
    const infos = await list(`path=${agent.path('alike')}&depth=2`);
    const shown = infos.map((info) => [info.path.slice(agent.path('alike/').length), info.type, info.size]);
    expect(shown.filter(([, type]) => type === 'file').sort((a, b) => Number(a[2]) - Number(b[2]))).toEqual([
      ['f\uFFFD', 'file', 1],
      ['f\uFFFD', 'file', 2],
      ['d\uFFFD/in\n side', 'file', 5],
    ]);
    expect(await found('alike', '*side')).toEqual(['d\uFFFD/in\n side']);
  });
});

describe('searching', () => {
  beforeAll(async () => {
    await mkdir(agent.path('s/src/deep'), { recursive: true });
    for (const name of ['a.txt', 'b.py', '.hidden.txt', 'src/m.py', 'src/deep/n.py', 'src/deep/c.txt']) {
      await writeFile(agent.path(`s/${name}`), name);
    }
    await symlink(agent.path('s/src'), agent.path('s/zlink'));
  });
  const everything = ['.hidden.txt', 'a.txt', 'b.py', 'src/deep/c.txt', 'src/deep/n.py', 'src/m.py', 'zlink'];

  it.each([
    [undefined, everything],
    ['**', everything],
    ['*.txt', ['.hidden.txt', 'a.txt', 'src/deep/c.txt']],
    ['**/*.py', ['b.py', 'src/deep/n.py', 'src/m.py']],
    ['{a,b}*', ['a.txt', 'b.py']],
    ['[!a]*.py', ['b.py', 'src/deep/n.py', 'src/m.py']],
    ['!(*.{txt,py})', ['zlink']],
    ['src/*.py', ['src/m.py']],
    ['src/**', ['src/deep/c.txt', 'src/deep/n.py', 'src/m.py']],
    ['nothing', []],
  ])('%j finds %j', async (pattern, expected) => {
    expect(await found('s', pattern)).toEqual(expected);
  });

  it('refuses a bad pattern once there is something to match', async () => {
    const error = await errorOf(await search(agent.path('s'), '['));
    expect(error).toMatchObject({ status: 500, code: 'RUNTIME_ERROR' });
    expect(error.message).toMatch(/^error searching files\. invalid pattern /);
    await mkdir(agent.path('empty/dir'), { recursive: true });
    expect(await found('empty', '[')).toEqual([]);
  });

  it('tests a root that is a file or a link, and enters a link that ends in a slash', async () => {
    const paths = async (path: string): Promise<string[]> =>
      ((await (await search(path)).json()) as Info[]).map((info) => info.path);
    expect(await paths(agent.path('s/a.txt'))).toEqual([agent.path('s/a.txt')]);
    expect(await paths(agent.path('s/zlink'))).toEqual([agent.path('s/zlink')]);
    expect(await paths(agent.path('s/zlink/'))).toContain(agent.path('s/zlink/m.py'));
  });

  it('of a missing root is 404, and without a path 400', async () => {
    expect(await errorOf(await search(agent.path('none')))).toMatchObject({ code: 'FILE_NOT_FOUND' });
    expect(await errorOf(await agent.call('GET', '/files/search'))).toMatchObject({ code: 'MISSING_QUERY' });
  });
});

describe('a directory of many', () => {
  const COUNT = 30_000;
  beforeAll(async () => {
    await mkdir(agent.path('many'));
    for (let start = 0; start < COUNT; start += 500) {
      const names = Array.from({ length: 500 }, (_, index) => `many/file-${start + index}`);
      await Promise.all(names.map((name) => writeFile(agent.path(name), '')));
    }
  });

  it('is listed and searched whole while others are answered', async () => {
    const over = new AbortController();
    const startedAt = Date.now();
    const probe = slowestAnswer(over.signal);
    const infos = await list(`path=${agent.path('many')}`);
    const matching = await found('many', 'file-1????');
    over.abort();
    expect(infos).toHaveLength(COUNT);
    expect(infos.map((info) => info.path)).toEqual([...infos.map((info) => info.path)].sort());
    expect(matching).toHaveLength(10_000);
    // A walk that does not yield blocks for as long as it takes: all the while, which a busy host does not.
    expect(await probe).toBeLessThan(Math.max(1000, (Date.now() - startedAt) / 2));
  });

  async function slowestAnswer(until: AbortSignal): Promise<number> {
    let slowest = 0;
    while (!until.aborted) {
      const start = performance.now();
      await (await agent.call('GET', '/files/info')).arrayBuffer();
      slowest = Math.max(slowest, performance.now() - start);
    }
    return slowest;
  }

  it('is removed whole', async () => {
    await chmod(agent.path('many'), 0o700);
    expect(isVoidSuccess(await agent.call('DELETE', `/directories${pathQuery('many')}`))).toBe(true);
    await expect(stat(agent.path('many'))).rejects.toThrow('ENOENT');
  });
});
