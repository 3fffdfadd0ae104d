import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ByteReplacer } from './byte-replacer.ts';
import type { Replacement } from './byte-replacer.ts';
import { readPieces } from './byte-source.ts';
import { copyContent, GatheringWriter } from './copy-bytes.ts';
import type { FileContext } from './file-context.ts';
import { rewriteInPlace } from './in-place.ts';
import { memoryRelief } from './memory-relief.ts';
import { openSpool } from './spool.ts';

/** Files and results up to this size are replaced in memory; larger ones go through a spool. */
const IN_MEMORY_BYTES = 1024 * 1024;

/** Replaces every occurrence in the same file, and says how many there were. Touches it even when none. */
export async function replaceInFile(
  path: string,
  replacement: Replacement,
  context: FileContext,
): Promise<number> {
  return rewriteInPlace(path, 'read_write', context, async (file) => {
    const size = (await file.stat()).size;
    if (size > IN_MEMORY_BYTES) return replaceBySpool(file, { path, replacement, context });
    const { pieces, count } = await collect(file, replacement);
    const growth = count * (replacement.new.length - replacement.old.length);
    if (size + growth > IN_MEMORY_BYTES) return replaceBySpool(file, { path, replacement, context });
    await file.truncate(await writePieces(file, pieces));
    return count;
  });
}

interface Job {
  readonly path: string;
  readonly replacement: Replacement;
  readonly context: FileContext;
}

/** The file is written over only once the whole result is on disk. */
async function replaceBySpool(file: FileHandle, job: Job): Promise<number> {
  await using spool = await openSpool({
    directory: dirname(job.path),
    otherwise: job.context.spoolDirectory,
    mode: 0o600,
  });
  const replacer = new ByteReplacer(job.replacement);
  await writePieces(spool.file, replacedPieces(file, replacer));
  if (replacer.count > 0) await copyContent(spool.file, file);
  else await touch(file);
  return replacer.count;
}

async function collect(
  file: FileHandle,
  replacement: Replacement,
): Promise<{ readonly pieces: readonly Uint8Array[]; readonly count: number }> {
  const replacer = new ByteReplacer(replacement);
  const pieces: Uint8Array[] = [];
  for await (const piece of replacedPieces(file, replacer)) pieces.push(piece);
  return { pieces, count: replacer.count };
}

async function* replacedPieces(file: FileHandle, replacer: ByteReplacer): AsyncGenerator<Uint8Array> {
  const relieve = memoryRelief();
  for await (const piece of readPieces(file, { first: 0, length: Infinity })) {
    relieve(piece.length);
    yield* replacer.push(piece);
  }
  yield replacer.finish();
}

async function writePieces(
  file: FileHandle,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<number> {
  const writer = new GatheringWriter(file);
  for await (const piece of pieces) await writer.write(piece);
  await writer.flush();
  return writer.length;
}

/** A rewrite with nothing to replace still counts as a modification. */
async function touch(file: FileHandle): Promise<void> {
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, 0);
  await file.write(byte, 0, 1, 0);
}
