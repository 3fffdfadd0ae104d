import { entryOffset, fileOffset, onlySegment, PT_DYNAMIC, PT_INTERP, readSegments } from './elf-file.ts';
import type { Segment } from './elf-file.ts';

/** Entries of the dynamic section. */
const DT_HASH = 4n;
const DT_STRTAB = 5n;
const DT_RPATH = 15n;
const DT_GNU_HASH = 0x6ffffef5n;

export interface OwnLoader {
  /** The program that loads the executable. Must not be longer than the one it replaces. */
  readonly interpreter: string;
  /** Where its libraries are. */
  readonly libraries: string;
}

/**
 * Makes an executable name another loader and library directory, in place: nothing moves, so whatever the
 * file holds beyond what the format describes stays where its own code expects it.
 *
 * The directory becomes an RPATH and not a RUNPATH: it wins over LD_LIBRARY_PATH, with which images point at
 * libraries of another C library. Its entry and its text take the place of the classic symbol hash table,
 * which no loader needs beside the GNU one.
 */
export function useLoader(image: Buffer, loader: OwnLoader): void {
  const segments = readSegments(image);
  writeInterpreter(image, segments, loader.interpreter);
  const dynamic = onlySegment(segments, PT_DYNAMIC);
  const hashAt = entryOffset(image, dynamic, DT_HASH);
  const stringsAt = entryOffset(image, dynamic, DT_STRTAB);
  const gnuHashAt = entryOffset(image, dynamic, DT_GNU_HASH);
  if (hashAt === undefined || stringsAt === undefined || gnuHashAt === undefined) {
    throw new Error('the executable has not the two symbol hash tables that are needed to change its loader');
  }
  const hash = image.readBigUInt64LE(hashAt + 8);
  const room = 8 + 4 * (image.readUInt32LE(fileOffset(segments, hash)) + 1);
  if (Buffer.byteLength(loader.libraries) >= room) throw new Error('the library directory is too long');
  image.write(`${loader.libraries}\0`, fileOffset(segments, hash), 'latin1');
  image.writeBigUInt64LE(DT_RPATH, hashAt);
  // Names are found relative to the string table; the arithmetic of the loader wraps as this does.
  image.writeBigUInt64LE(BigInt.asUintN(64, hash - image.readBigUInt64LE(stringsAt + 8)), hashAt + 8);
}

function writeInterpreter(image: Buffer, segments: readonly Segment[], interpreter: string): void {
  const { offset, fileBytes } = onlySegment(segments, PT_INTERP);
  if (Buffer.byteLength(interpreter) >= fileBytes) {
    throw new Error(`the loader's path ${interpreter} is longer than ${fileBytes - 1} bytes`);
  }
  image.fill(0, offset, offset + fileBytes);
  image.write(interpreter, offset, 'latin1');
}
