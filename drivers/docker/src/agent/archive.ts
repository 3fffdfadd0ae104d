import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import type { Headers, Pack } from 'tar-stream';
import { extract, pack } from 'tar-stream';
import type { LayoutEntry } from './layout.ts';
import { formatManifest, manifestOf, MARKER } from './manifest.ts';

/** The entries of an agent volume as a tar stream, with the marker at the end. */
export function packEntries(entries: readonly LayoutEntry[]): Readable {
  const source = formatManifest(manifestOf(entries));
  return packFiles([...entries, { kind: 'file', path: MARKER, mode: 0o644, size: source.length, source }]);
}

/** The entries as a tar stream, owned by root. */
export function packFiles(entries: readonly LayoutEntry[]): Readable {
  const archive = pack();
  const readable = readFrom(archive);
  void writeEntries(archive, entries).then(
    () => archive.finalize(),
    (error: unknown) => readable.destroy(error as Error),
  );
  return readable;
}

/**
 * The packer's own stream class predates async iteration, and after a failed entry it closes without saying why:
 * its closing is not passed on.
 */
function readFrom(archive: Pack): Readable {
  const readable = new Readable({
    read: () => void archive.resume(),
    destroy(error, done) {
      archive.destroy();
      done(error);
    },
  });
  archive.on('data', (chunk: Buffer) => {
    if (!readable.push(chunk)) archive.pause();
  });
  archive.once('end', () => readable.push(null));
  return readable;
}

async function writeEntries(archive: Pack, entries: readonly LayoutEntry[]): Promise<void> {
  for (const entry of entries) {
    const owner = { uid: 0, gid: 0, mtime: new Date(0) };
    if (entry.kind === 'file') await writeFile(archive, entry, { ...owner, mode: entry.mode });
    else if (entry.kind === 'link') {
      archive.entry({ ...owner, name: entry.path, type: 'symlink', linkname: entry.target, mode: 0o777 });
    } else archive.entry({ ...owner, name: entry.path, type: 'directory', mode: 0o755 });
  }
}

async function writeFile(
  archive: Pack,
  entry: Extract<LayoutEntry, { kind: 'file' }>,
  header: Omit<Headers, 'name'>,
): Promise<void> {
  const sink = archive.entry({ ...header, name: entry.path, size: entry.size });
  const source = Buffer.isBuffer(entry.source)
    ? Readable.from([entry.source])
    : createReadStream(entry.source);
  await pipeline(source, sink);
}

/** The contents of an archive's only file; `undefined` when it holds something else. */
export async function readSingleFile(tar: Buffer): Promise<Buffer | undefined> {
  const reader = extract();
  let found: Buffer | undefined;
  reader.on('entry', (header, stream, next) => {
    if (header.type !== 'file') {
      stream.resume();
      stream.on('end', () => next());
      return;
    }
    void buffer(stream).then((content) => {
      found = content;
      next();
    }, next);
  });
  await pipeline(Readable.from([tar]), reader);
  return found;
}
