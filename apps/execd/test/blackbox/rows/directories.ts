import { expect } from 'vitest';
import { runCommand } from '../../support/event-lines.ts';
import { call, expectError, expectVoid, inQuery, jsonOf } from '../row.ts';
import type { Row } from '../row.ts';
import type { Site } from '../site.ts';

interface Info {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
}

async function prepare(site: Site, commands: string): Promise<string> {
  const at = await site.directory();
  const { last, stderr } = await runCommand(site.url, `cd ${at}; ${commands}`);
  expect({ ...last.error, stderr }).toEqual({ stderr: [] });
  return at;
}

/** Lists, and names what was found below the directory. */
async function namesFrom(site: Site, route: string, at: string, query: string): Promise<string[]> {
  const found = await jsonOf<Info[]>(await call(site, 'GET', `${route}?${inQuery(at)}${query}`));
  return found.map(({ path }) => path.slice(at.length + 1));
}

async function modeOf(site: Site, path: string): Promise<number | undefined> {
  const all = await jsonOf<Record<string, Info>>(await call(site, 'GET', `/files/info?${inQuery(path)}`));
  return all[path]?.mode;
}

/** Directories: making, removing, listing and searching. */
export const DIRECTORIES: readonly Row[] = [
  {
    key: 'T65',
    name: 'directories are made with their mode; those that exist keep theirs',
    async run(site) {
      const at = await site.directory();
      const make = (path: string, mode: number): Promise<Response> =>
        call(site, 'POST', '/directories', { [path]: { mode, owner: null, group: null } });
      await expectVoid(await make(`${at}/x/y`, 755));
      await expectVoid(await make(`${at}/x/z`, 644));
      await expectVoid(await make(`${at}/x/y`, 700));
      await expectVoid(await make(`${at}/x/w`, 0));
      const modes = await Promise.all(
        ['x', 'x/y', 'x/z', 'x/w'].map((name) => modeOf(site, `${at}/${name}`)),
      );
      expect(modes).toEqual([755, 755, 644, 755]);
      await expectError(await make('/proc/self/status', 755), 500, 'RUNTIME_ERROR');
    },
  },
  {
    key: 'T68',
    name: 'directories are removed with all they hold, links alone',
    async run(site) {
      const at = await prepare(
        site,
        'mkdir -p full/er kept; : > full/er/file; : > kept/file; ln -s kept link',
      );
      const remove = (name: string): Promise<Response> =>
        call(site, 'DELETE', `/directories?${inQuery(`${at}/${name}`)}`);
      for (const name of ['full', 'full', 'link']) await expectVoid(await remove(name));
      expect(await namesFrom(site, '/directories/list', at, '&depth=2')).toEqual(['kept', 'kept/file']);
    },
  },
  {
    key: 'T69',
    name: 'directories are listed in order, as deep as asked for',
    async run(site) {
      const at = await prepare(
        site,
        'mkdir alpha alpha/x; : > alpha/x/deep; : > alpha/y; : > bravo; : > charlie; ln -s alpha link; ln -s . ../root-link-$(basename $PWD)',
      );
      const list = (query: string): Promise<string[]> => namesFrom(site, '/directories/list', at, query);
      const flat = ['alpha', 'bravo', 'charlie', 'link'];
      expect(await list('')).toEqual(flat);
      expect(await list('&depth=2')).toEqual(['alpha', 'alpha/x', 'alpha/y', ...flat.slice(1)]);
      expect(await list('&depth=0')).toEqual([]);
      const refused = (query: string): Promise<Response> => call(site, 'GET', `/directories/list${query}`);
      for (const depth of ['-1', 'abc']) {
        const answer = await refused(`?${inQuery(at)}&depth=${depth}`);
        await expectError(answer, 400, 'INVALID_REQUEST_BODY', /invalid query parameter 'depth'/);
      }
      for (const name of ['bravo', 'link']) {
        await expectError(await refused(`?${inQuery(`${at}/${name}`)}`), 400, 'INVALID_REQUEST_BODY');
      }
      await expectError(await refused(`?${inQuery(`${at}/none`)}`), 404, 'FILE_NOT_FOUND');
      await expectError(await refused(''), 400, 'MISSING_QUERY');
    },
  },
  {
    key: 'T70',
    name: 'files are found by pattern',
    async run(site) {
      const at = await prepare(
        site,
        'mkdir sub; : > a.txt; : > b.py; : > .hidden; : > sub/c.txt; : > sub/d.py; ln -s sub link',
      );
      const search = (pattern: string): Promise<string[]> =>
        namesFrom(site, '/files/search', at, `&pattern=${encodeURIComponent(pattern)}`);
      const everything = ['.hidden', 'a.txt', 'b.py', 'link', 'sub/c.txt', 'sub/d.py'];
      expect(await search('*.txt')).toEqual(['a.txt', 'sub/c.txt']);
      expect(await search('**')).toEqual(everything);
      expect(await namesFrom(site, '/files/search', at, '')).toEqual(everything);
      expect(await search('**/*.py')).toEqual(['b.py', 'sub/d.py']);
      expect(await search('{a,b}*')).toEqual(['a.txt', 'b.py']);
      expect(await search('[!a]*')).toEqual(everything.filter((path) => path !== 'a.txt'));
      expect(await search('!(*.txt)')).toEqual(['.hidden', 'b.py', 'link', 'sub/d.py']);
      const refused = (query: string): Promise<Response> => call(site, 'GET', `/files/search${query}`);
      const bad = await refused(`?${inQuery(at)}&pattern=%5B`);
      await expectError(bad, 500, 'RUNTIME_ERROR', /^error searching files\. invalid pattern/);
      await expectError(await refused(`?${inQuery(`${at}/none`)}`), 404, 'FILE_NOT_FOUND');
      await expectError(await refused(''), 400, 'MISSING_QUERY', /missing query parameter 'path'/);
    },
  },
];
