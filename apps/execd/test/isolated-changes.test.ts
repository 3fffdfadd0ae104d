import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listChanges } from '../src/isolated/changes.ts';
import { commitSession } from '../src/isolated/commit.ts';
import { directoryBytes, roomOf } from '../src/isolated/directory-size.ts';
import { holdBelow, holdFile } from '../src/isolated/held-files.ts';
import type { IsolatedSession } from '../src/isolated/isolated-sessions.ts';

let root: string;
let upper: string;
let workspace: string;
let secret: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'execd-changes-'));
  [upper, workspace, secret] = [join(root, 'upper'), join(root, 'workspace'), join(root, 'secret')];
  for (const path of [upper, workspace, secret]) mkdirSync(path);
  writeFileSync(join(secret, 'key'), 'not for sessions');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** As much of a session as what is tested here looks at. */
function sessionOf(): IsolatedSession {
  const found = {
    request: { workspace: { mode: 'overlay' } },
    place: { upper },
    spec: { workspace: { path: workspace } },
  };
  return found as IsolatedSession;
}

describe('the changes of a session', () => {
  it('are not looked for behind a link that takes the place of a directory meanwhile', async () => {
    mkdirSync(join(upper, 'd'));
    const found: string[] = [];
    for await (const change of listChanges(upper)) {
      found.push(change.path);
      renameSync(join(upper, 'd'), join(root, 'away'));
      symlinkSync(secret, join(upper, 'd'));
    }
    expect(found).toEqual(['d']);
  });

  it('are read from what was found, not from what has its name by then', async () => {
    mkdirSync(join(upper, 'd'));
    writeFileSync(join(upper, 'd', 'key'), 'mine');
    for await (const change of listChanges(upper)) {
      if (change.kind === 'directory') continue;
      renameSync(join(upper, 'd'), join(root, 'away'));
      symlinkSync(secret, join(upper, 'd'));
      expect(readFileSync(change.place, 'utf8')).toBe('mine');
    }
    symlinkSync(join(secret, 'key'), join(upper, 'link'));
    expect(await holdFile(join(upper, 'link'))).toBeUndefined();
  });

  it('are told with an error where directories are too deep in one another', async () => {
    mkdirSync(join(upper, ...Array<string>(300).fill('d')), { recursive: true });
    const all = async (): Promise<void> => {
      for await (const change of listChanges(upper)) expect(change.kind).toBe('directory');
    };
    await expect(all()).rejects.toThrow('more than 256 directories');
  });
});

it('a file that is nothing but a hole takes no room, and its whole length in an archive', async () => {
  writeFileSync(join(upper, 'hole'), '');
  truncateSync(join(upper, 'hole'), 2 ** 33);
  expect(await directoryBytes(upper, roomOf)).toBe(0);
  expect(await directoryBytes(upper)).toBe(2 ** 33);
});

describe('a commit', () => {
  it('brings files, directories, links and modes home', async () => {
    mkdirSync(join(upper, 'd'));
    writeFileSync(join(upper, 'd', 'f'), 'new');
    chmodSync(join(upper, 'd', 'f'), 0o750);
    symlinkSync('f', join(upper, 'd', 'l'));
    mkdirSync(join(workspace, 'd', 'f'), { recursive: true });
    expect(await commitSession(sessionOf())).toEqual({ committed: 3, removed_kept: [] });
    expect(readFileSync(join(workspace, 'd', 'l'), 'utf8')).toBe('new');
    expect(readdirSync(join(workspace, 'd'))).toEqual(['f', 'l']);
  });

  it('can run several times at once and leaves nothing but what was committed', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `f${index}`).sort();
    for (const name of names) writeFileSync(join(upper, name), name.repeat(50_000));
    const all = await Promise.all(Array.from({ length: 8 }, () => commitSession(sessionOf())));
    expect(all.map(({ committed }) => committed)).toEqual(Array<number>(8).fill(20));
    expect(readdirSync(workspace).sort()).toEqual(names);
    for (const name of names) expect(readFileSync(join(workspace, name), 'utf8')).toBe(name.repeat(50_000));
  });

  it('does not go through a link below the workspace', async () => {
    symlinkSync(secret, join(workspace, 'd'));
    await expect(holdBelow(workspace, ['d'])).rejects.toThrow('ENOTDIR');
  });
});
