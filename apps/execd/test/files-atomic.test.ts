import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  copyFile,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isVoidSuccess, startFilesAgent } from './files-agent.ts';
import type { FilesAgent } from './files-agent.ts';

let agent: FilesAgent;
beforeAll(async () => {
  agent = await startFilesAgent();
});
afterAll(() => agent.stop());

const SIZE = 1024 * 1024;

async function upload(path: string, content: string | Uint8Array, metadata: object = {}): Promise<Response> {
  const form = new FormData();
  form.append('metadata', new Blob([JSON.stringify({ path, ...metadata })]), 'metadata');
  form.append('file', new Blob([content]), 'file');
  return fetch(`${agent.url}/files/upload`, { method: 'POST', body: form });
}

async function expectUploaded(path: string, content: string | Uint8Array): Promise<void> {
  expect(isVoidSuccess(await upload(path, content))).toBe(true);
}

async function expectOnlyWhole(path: string, letters: string, change: (letter: string) => Promise<void>) {
  const over = new AbortController();
  const reading = (async () => {
    for (let count = 0; !over.signal.aborted; count += 1) {
      const content = await readFile(agent.path(path), 'latin1');
      const first = content.charAt(0);
      if (content !== first.repeat(SIZE) || !letters.includes(first))
        return `a part, after ${count} readings`;
    }
    return 'whole';
  })();
  for (let turn = 0; turn < 40; turn += 1) await change(letters.charAt(turn % letters.length));
  over.abort();
  expect(await reading).toBe('whole');
}

describe('a file that gets another content', () => {
  it('is never read half written while it is uploaded', async () => {
    await writeFile(agent.path('seen'), 'a'.repeat(SIZE));
    await expectOnlyWhole('seen', 'ab', (letter) => expectUploaded('seen', letter.repeat(SIZE)));
  });

  it('is never read half written while text in it is replaced', async () => {
    await writeFile(agent.path('edited'), 'b'.repeat(SIZE));
    await expectOnlyWhole('edited', 'ab', async (letter) => {
      const many = (text: string): string => text.repeat(1024);
      const body = { edited: { old: many(letter === 'a' ? 'b' : 'a'), new: many(letter) } };
      expect(isVoidSuccess(await agent.call('POST', '/files/replace', body))).toBe(true);
    });
  });

  it('is one of them, whole, when several are uploaded at once', async () => {
    await Promise.all(
      ['c', 'd', 'e', 'f', 'g', 'h'].map((letter) => expectUploaded('raced', letter.repeat(SIZE))),
    );
    const content = await readFile(agent.path('raced'), 'latin1');
    expect(content).toBe(content.charAt(0).repeat(SIZE));
    expect((await readdir(agent.root)).filter((name) => name.includes('spool'))).toEqual([]);
  });

  it('loses no upload to a replacement that runs at the same time', async () => {
    await writeFile(agent.path('both'), 'x'.repeat(SIZE));
    const body = { both: { old: 'x', new: 'y' } };
    await Promise.all([agent.call('POST', '/files/replace', body), expectUploaded('both', 'new x')]);
    expect(['new x', 'new y']).toContain(await readFile(agent.path('both'), 'utf8'));
  });

  it('keeps its owner, mode and extended attributes', async () => {
    await writeFile(agent.path('kept'), 'old');
    await chown(agent.path('kept'), 65534, 65533);
    await chmod(agent.path('kept'), 0o4750);
    const canAttribute = attribute('set', agent.path('kept'));
    const { ino, mode } = await stat(agent.path('kept'));
    await expectUploaded('kept', 'new');
    expect(await stat(agent.path('kept'))).toMatchObject({ mode, uid: 65534, gid: 65533 });
    expect((await stat(agent.path('kept'))).ino).not.toBe(ino);
    if (canAttribute) expect(attribute('get', agent.path('kept'))).toBe(true);
  });

  it('gets the permissions that came with it', async () => {
    await writeFile(agent.path('given'), 'old');
    expect(isVoidSuccess(await upload('given', 'new', { mode: 600, owner: 'nobody' }))).toBe(true);
    expect(((await stat(agent.path('given'))).mode & 0o777).toString(8)).toBe('600');
    expect((await stat(agent.path('given'))).uid).toBe(65534);
  });

  it('stays as it was when the permissions are refused', async () => {
    await writeFile(agent.path('refused'), 'old');
    expect((await upload('refused', 'new', { owner: 'nobody-knows' })).status).toBe(500);
    expect(await readFile(agent.path('refused'), 'utf8')).toBe('old');
  });

  it('stays the same file where it has other names', async () => {
    await writeFile(agent.path('linked'), 'old');
    await link(agent.path('linked'), agent.path('other'));
    const { ino } = await stat(agent.path('linked'));
    await expectUploaded('linked', 'new text');
    await agent.call('POST', '/files/replace', { linked: { old: 'new', new: 'newer' } });
    expect(await readFile(agent.path('other'), 'utf8')).toBe('newer text');
    expect((await stat(agent.path('linked'))).ino).toBe(ino);
  });

  it('is the one at the end of a chain of links, which stay', async () => {
    await mkdir(agent.path('far'));
    await writeFile(agent.path('far/end'), 'old');
    await symlink('far/end', agent.path('middle'));
    await symlink(agent.path('middle'), agent.path('start'));
    await expectUploaded('start', 'new');
    expect(await readFile(agent.path('far/end'), 'utf8')).toBe('new');
    expect((await lstat(agent.path('start'))).isSymbolicLink()).toBe(true);
    expect((await lstat(agent.path('middle'))).isSymbolicLink()).toBe(true);
  });

  it('may be a program that runs', async () => {
    await copyFile('/bin/sleep', agent.path('program'));
    await chmod(agent.path('program'), 0o755);
    const child = spawn(agent.path('program'), ['60']);
    const exited = once(child, 'exit');
    await once(child, 'spawn');
    await expectUploaded('program', 'the next version');
    expect(await readFile(agent.path('program'), 'utf8')).toBe('the next version');
    expect(child.exitCode).toBeNull();
    child.kill();
    await exited;
  });

  it('may be a mount point', async (context) => {
    await writeFile(agent.path('source'), 'old');
    await writeFile(agent.path('mounted'), '');
    try {
      execFileSync('mount', ['--bind', agent.path('source'), agent.path('mounted')], { stdio: 'ignore' });
    } catch {
      context.skip('no right to mount');
    }
    try {
      await expectUploaded('mounted', 'new');
      expect(await readFile(agent.path('source'), 'utf8')).toBe('new');
    } finally {
      execFileSync('umount', [agent.path('mounted')]);
    }
  });
});

/** Sets or finds an attribute of a file; false where the file system has none. */
function attribute(what: 'set' | 'get', path: string): boolean {
  const bun = fileURLToPath(new URL('../../../node_modules/.bin/bun', import.meta.url));
  const script = `
    const { dlopen } = require('bun:ffi');
    const { symbols } = dlopen('libc.so.6', {
      setxattr: { args: ['ptr', 'ptr', 'ptr', 'i64', 'i32'], returns: 'i32' },
      getxattr: { args: ['ptr', 'ptr', 'ptr', 'i64'], returns: 'i64' },
    });
    const text = (value) => Buffer.from(value + '\\0');
    const path = text(process.argv[1]), name = text('user.colour'), value = Buffer.from('red');
    if (process.argv[2] === 'set') process.exit(symbols.setxattr(path, name, value, value.length, 0) === 0 ? 0 : 1);
    const found = Buffer.alloc(16);
    const length = Number(symbols.getxattr(path, name, found, found.length));
    process.exit(length === 3 && found.toString('utf8', 0, 3) === 'red' ? 0 : 1);
  `;
  try {
    execFileSync(bun, ['-e', script, path, what]);
    return true;
  } catch {
    return false;
  }
}
