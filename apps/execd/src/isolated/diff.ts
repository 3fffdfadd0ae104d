import { readlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Headers, Pack } from 'tar-stream';
import { pack as createPack } from 'tar-stream';
import { agentFault, errorResponse } from '../error-envelope.ts';
import { directoryBytes } from './directory-size.ts';
import type { IsolatedSession } from './isolated-sessions.ts';
import { listChanges } from './changes.ts';
import type { Change } from './changes.ts';
import { holdFile } from './held-files.ts';

const TOO_LARGE = 413;

/** What the session changed in its workspace, as a compressed archive. A removed file is an empty `.wh.NAME`. */
export async function diffSession(
  session: IsolatedSession,
  mostBytes: number,
  use: () => () => void,
): Promise<Response> {
  requireOverlay(session);
  const { upper } = session.place;
  if (mostBytes > 0 && (await directoryBytes(upper)) > mostBytes) {
    return errorResponse(TOO_LARGE, 'RUNTIME_ERROR', `the changes take more than ${mostBytes} bytes`);
  }
  const archive = createPack();
  const zipped = createGzip({ level: 1 });
  archive.pipe(zipped);
  archive.on('error', (error) => zipped.destroy(error));
  const done = use();
  zipped.on('close', () => {
    archive.destroy(); // where the client has left, nobody takes the rest
    done();
  });
  writeAll(archive, upper).then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  const body = Readable.toWeb(zipped) as ReadableStream<Uint8Array>;
  return new Response(body, {
    headers: {
      'Content-Type': 'application/gzip',
      'Content-Disposition': `attachment; filename="${session.id}.tar.gz"`,
    },
  });
}

export function requireOverlay(session: IsolatedSession): void {
  if (session.request.workspace.mode === 'overlay') return;
  throw agentFault(
    'invalid',
    'RUNTIME_ERROR',
    'only sessions with an overlay workspace keep their changes apart',
  );
}

async function writeAll(archive: Pack, upper: string): Promise<void> {
  for await (const change of listChanges(upper)) {
    await write(archive, change);
  }
}

async function write(archive: Pack, change: Change): Promise<void> {
  const { mode, mtimeMs, uid, gid } = change.stats;
  const common = { mode: mode & 0o7777, mtime: new Date(mtimeMs), uid, gid, name: change.path };
  switch (change.kind) {
    case 'removed':
      return put(archive, { ...common, mode: 0, name: whiteoutName(change.path), type: 'file' });
    case 'directory':
      return put(archive, { ...common, type: 'directory' });
    case 'link':
      return put(archive, { ...common, type: 'symlink', linkname: await readlink(change.place) });
    case 'file': {
      const file = await holdFile(change.place);
      if (file === undefined) return;
      try {
        await putFile(archive, { ...common, type: 'file', size: (await file.stat()).size }, file);
      } finally {
        await file.close();
      }
    }
  }
}

function whiteoutName(path: string): string {
  const at = path.lastIndexOf('/') + 1;
  return `${path.slice(0, at)}.wh.${path.slice(at)}`;
}

function put(archive: Pack, header: Headers): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(header, '', (error) => (error ? reject(error) : resolve()));
  });
}

/** Exactly as many bytes as the header says, also when the file is written to meanwhile. */
async function putFile(archive: Pack, header: Headers, file: FileHandle): Promise<void> {
  const size = header.size ?? 0;
  if (size === 0) return put(archive, header);
  const source = file.createReadStream({ end: size - 1, autoClose: false });
  try {
    await new Promise<void>((resolve, reject) => {
      const entry = archive.entry(header, (error) => (error ? reject(error) : resolve()));
      source.on('error', reject).pipe(entry);
    });
  } finally {
    source.destroy();
  }
}
