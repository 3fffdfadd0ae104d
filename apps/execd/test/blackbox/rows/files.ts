import { expect } from 'vitest';
import { runCommand } from '../../support/event-lines.ts';
import { call, expectError, expectVoid, inQuery, jsonOf } from '../row.ts';
import type { Row } from '../row.ts';
import type { Site } from '../site.ts';

interface Info {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
}

/** Prepares files with a command of the image; its output, line by line. */
async function shell(site: Site, command: string): Promise<readonly string[]> {
  const { stdout, last, stderr } = await runCommand(site.url, command);
  expect({ ...last.error, stderr }).toEqual({ stderr: [] });
  return stdout;
}

async function infoOf(site: Site, ...paths: readonly string[]): Promise<Record<string, Info>> {
  return jsonOf(await call(site, 'GET', `/files/info?${paths.map(inQuery).join('&')}`));
}

async function modeOf(site: Site, path: string): Promise<number | undefined> {
  return (await infoOf(site, path))[path]?.mode;
}

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Files: what they are, their rights, moving, deleting and replacing in them. */
export const FILES: readonly Row[] = [
  {
    key: 'T63',
    name: 'files are described under the names they were asked for by',
    async run(site) {
      const directory = await site.directory();
      await shell(site, `cd ${directory}; printf hello > file; ln -s file link; chmod 640 file`);
      const relative = `.${directory}/file`;
      const all = await infoOf(site, relative, '~', `${directory}/link`);
      expect(Object.keys(all).sort()).toEqual([relative, '~', `${directory}/link`].sort());
      expect(all[relative]).toEqual({
        path: `${directory}/file`,
        type: 'file',
        size: 5,
        mode: 640,
        owner: expect.any(String) as string,
        group: expect.any(String) as string,
        created_at: expect.stringMatching(DATE) as string,
        modified_at: expect.stringMatching(DATE) as string,
      });
      expect(all['~']).toMatchObject({ type: 'directory', path: expect.stringMatching(/^\//) as string });
      expect(all[`${directory}/link`]?.type).toBe('symlink');
      const missing = await call(site, 'GET', `/files/info?${inQuery(relative)}&${inQuery('/no/such')}`);
      await expectError(missing, 404, 'FILE_NOT_FOUND', /^file not found\. /);
      expect(await jsonOf(await call(site, 'GET', '/files/info'))).toEqual({});
    },
  },
  {
    key: 'T64',
    name: 'rights are set as they are written, to owners that exist',
    async run(site) {
      const path = `${await site.directory()}/file`;
      await shell(site, `: > ${path}`);
      const set = (rights: object, at = path): Promise<Response> =>
        call(site, 'POST', '/files/permissions', { [at]: rights });
      await expectVoid(await set({ mode: 644 }));
      expect(await modeOf(site, path)).toBe(644);
      await expectVoid(await set({ mode: 0, owner: null, group: null }));
      expect(await modeOf(site, path)).toBe(644);
      await expectError(await set({ mode: 899 }), 500, 'RUNTIME_ERROR', /^error changing permissions for /);
      await expectVoid(await set({ mode: 4755 }));
      expect(await modeOf(site, path)).toBe(755);
      for (const owner of ['nope', '12345']) await expectError(await set({ owner }), 500, 'RUNTIME_ERROR');
      await expectError(await set({ mode: 600 }, '/no/such'), 500, 'RUNTIME_ERROR');
      await expectError(await call(site, 'POST', '/files/permissions', '['), 400, 'INVALID_REQUEST_BODY');
    },
  },
  {
    key: 'T64-owner',
    name: 'only root gives files away',
    needs: ['an ordinary user'],
    async run(site) {
      const path = `${await site.directory()}/file`;
      await shell(site, `: > ${path}`);
      const given = await call(site, 'POST', '/files/permissions', { [path]: { owner: 'root' } });
      await expectError(given, 500, 'RUNTIME_ERROR', /permitted|permission/i);
    },
  },
  {
    key: 'T66',
    name: 'files and directories move, never onto one another',
    async run(site) {
      const at = await site.directory();
      await shell(site, `cd ${at}; printf 1 > a; printf 2 > b; mkdir d; printf 3 > d/c`);
      const move = (src: string, dest: string): Promise<Response> =>
        call(site, 'POST', '/files/mv', [{ src: `${at}/${src}`, dest: `${at}/${dest}` }]);
      await expectVoid(await move('a', 'new/parent/a'));
      await expectError(
        await move('b', 'new/parent/a'),
        500,
        'RUNTIME_ERROR',
        /destination path already exists/,
      );
      await expectError(await move('b', 'd'), 500, 'RUNTIME_ERROR', /destination path already exists/);
      await expectError(await move('nothing', 'x'), 404, 'FILE_NOT_FOUND');
      await expectVoid(await move('d', 'e'));
      expect(await shell(site, `cd ${at}; cat new/parent/a b e/c; echo; ls`)).toEqual([
        '123',
        'b',
        'e',
        'new',
      ]);
      const empty = await call(site, 'POST', '/files/mv', [{ src: '', dest: `${at}/x` }]);
      expect(empty.status).toBe(400);
      await empty.text();
    },
  },
  {
    key: 'T67',
    name: 'files are deleted, also when they are not there, but no directories',
    async run(site) {
      const at = await site.directory();
      await shell(site, `cd ${at}; : > a; : > b; : > c; ln -s nowhere dangling; mkdir d`);
      const remove = (...names: readonly string[]): Promise<Response> =>
        call(site, 'DELETE', `/files?${names.map((name) => inQuery(`${at}/${name}`)).join('&')}`);
      await expectVoid(await remove('a'));
      await expectVoid(await remove('a'));
      await expectVoid(await remove('b', 'dangling', 'c'));
      await expectError(await remove('d'), 500, 'RUNTIME_ERROR', /path is a directory/);
      expect(await shell(site, `ls ${at}`)).toEqual(['d']);
      await expectVoid(await call(site, 'DELETE', '/files'));
    },
  },
  {
    key: 'T71',
    name: 'text is replaced everywhere in a file, and nothing else of it changes',
    async run(site) {
      const at = await site.directory();
      await shell(
        site,
        `cd ${at}; printf '\\377x-x-x\\000' > three; printf 'ax' > one; printf 'a' > none; chmod 640 three`,
      );
      const replace = (body: object, query = ''): Promise<Response> =>
        call(site, 'POST', `/files/replace${query}`, body);
      const change = { old: 'x', new: 'yé' };
      const all = { [`${at}/three`]: change, [`${at}/one`]: change, [`${at}/none`]: change };
      expect(await jsonOf(await replace(all, '?verbose=true'))).toEqual({
        [`${at}/three`]: { replacedCount: 3 },
        [`${at}/one`]: { replacedCount: 1 },
        [`${at}/none`]: { replacedCount: 0 },
      });
      const bytes = await (
        await call(site, 'GET', `/files/download?${inQuery(`${at}/three`)}`)
      ).arrayBuffer();
      const middle = Buffer.from('yé-yé-yé');
      expect(Buffer.from(bytes)).toEqual(Buffer.concat([Buffer.from([255]), middle, Buffer.from([0])]));
      expect(await modeOf(site, `${at}/three`)).toBe(640);
      await expectVoid(await replace({ [`${at}/one`]: { old: 'y', new: '' } }));
      await expectError(await replace({ [`${at}/one`]: { old: '', new: 'z' } }), 400, 'INVALID_REQUEST_BODY');
      await expectError(await replace({ '/no/such': change }), 404, 'FILE_NOT_FOUND');
    },
  },
];
