import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ByteReplacer } from './byte-replacer.ts';
import type { Replacement } from './byte-replacer.ts';
import { readPieces, readSection } from './byte-source.ts';
import { GatheringWriter } from './copy-bytes.ts';
import { withExistingFile } from './existing-file.ts';
import type { ExistingFile } from './existing-file.ts';
import type { FileContext } from './file-context.ts';
import { memoryRelief } from './memory-relief.ts';
import { openSpool } from './spool.ts';
import { replaceContent } from './take-place.ts';

/** Files up to this size are read before anything is written. */
const IN_MEMORY_BYTES = 1024 * 1024;

/** Replaces every occurrence in a file, and says how many there were. Touches it even when none. */
export async function replaceInFile(
  path: string,
  replacement: Replacement,
  context: FileContext,
): Promise<number> {
  const replacer = new ByteReplacer(replacement);
  return withExistingFile(path, 'read_write', context, async (existing) => {
    const { file, stats } = existing;
    const job = { existing, replacer, context };
    const size = Number(stats.size);
    if (size > IN_MEMORY_BYTES) return replaceBySpool(job, replacedPieces(readPieces(file, WHOLE), replacer));
    const content = Buffer.from(await readSection(file, WHOLE));
    if (content.indexOf(replacement.old) >= 0)
      return replaceBySpool(job, replacedPieces([content], replacer));
    await touch(file);
    return 0;
  });
}

const WHOLE = { first: 0, length: Infinity };

interface Job {
  readonly existing: ExistingFile;
  readonly replacer: ByteReplacer;
  readonly context: FileContext;
}

/** The file gets its content only once the whole result is on disk. */
async function replaceBySpool(
  { existing, replacer, context }: Job,
  pieces: AsyncIterable<Uint8Array>,
): Promise<number> {
  await using spool = await openSpool({
    directory: dirname(existing.path),
    otherwise: context.spoolDirectory,
    mode: 0o600,
  });
  await writePieces(spool.file, pieces);
  const adjust = (): Promise<void> => Promise.resolve();
  if (replacer.count > 0) await replaceContent({ spool, existing, context, adjust });
  else await touch(existing.file);
  return replacer.count;
}

async function* replacedPieces(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  replacer: ByteReplacer,
): AsyncGenerator<Uint8Array> {
  const relieve = memoryRelief();
  for await (const piece of source) {
    relieve(piece.length);
    yield* replacer.push(piece);
  }
  yield replacer.finish();
}

async function writePieces(file: FileHandle, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const writer = new GatheringWriter(file);
  for await (const piece of pieces) await writer.write(piece);
  await writer.flush();
}

/** A rewrite with nothing to replace still counts as a modification. */
async function touch(file: FileHandle): Promise<void> {
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, 0);
  await file.write(byte, 0, 1, 0);
}
