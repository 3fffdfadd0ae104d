import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { packEntries, readSingleFile } from './archive.ts';
import { chooseMode } from './layout.ts';
import type { LayoutEntry } from './layout.ts';
import { MARKER } from './manifest.ts';

async function names(tar: Buffer): Promise<readonly string[]> {
  const { extract } = await import('tar-stream');
  const found: string[] = [];
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    found.push(`${header.mode?.toString(8)} ${header.type} ${header.name} ${header.linkname ?? ''}`.trim());
    stream.resume();
    stream.on('end', () => next());
  });
  await new Promise((resolve, reject) => {
    reader.once('finish', resolve);
    reader.once('error', reject);
    reader.end(tar);
  });
  return found;
}

describe('packEntries', () => {
  it('writes the marker last', async () => {
    const entries: readonly LayoutEntry[] = [
      { kind: 'file', path: 'execd', mode: 0o755, size: 2, source: Buffer.from('hi') },
      { kind: 'directory', path: 'lib' },
      { kind: 'link', path: '.env', target: '/tmp/.opensandbox-env' },
    ];
    expect(await names(await buffer(packEntries(entries)))).toEqual([
      '755 file execd',
      '755 directory lib',
      '777 symlink .env /tmp/.opensandbox-env',
      `644 file ${MARKER}`,
    ]);
  });
});

describe('readSingleFile', () => {
  it('gives the content of the file', async () => {
    const tar = pack();
    tar.entry({ name: 'execd' }, 'content');
    tar.finalize();
    expect((await readSingleFile(await buffer(tar)))?.toString()).toBe('content');
  });

  it('finds nothing in an archive of a directory', async () => {
    const tar = pack();
    tar.entry({ name: 'execd', type: 'directory' });
    tar.finalize();
    expect(await readSingleFile(await buffer(tar))).toBeUndefined();
  });
});

describe('chooseMode', () => {
  it.each([
    ['execd', 0o644, 0o755],
    ['bootstrap.sh', 0o600, 0o755],
    ['lib/libc.so.6', 0o644, 0o755],
    ['tool', 0o700, 0o755],
    ['readme', 0o666, 0o644],
  ])('%s with %i becomes %i', (path, mode, chosen) => {
    expect(chooseMode(path, mode)).toBe(chosen);
  });
});
