/** Numbers of the ELF format (64-bit, little endian) this file reads and writes. */
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_HASH = 4n;
const DT_STRTAB = 5n;
const DT_RPATH = 15n;
const DT_GNU_HASH = 0x6ffffef5n;
const DYNAMIC_ENTRY_BYTES = 16;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileBytes: number;
}

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
  const dynamic = only(segments, PT_DYNAMIC);
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

function readSegments(image: Buffer): Segment[] {
  const isElf64 =
    image.readUInt32BE(0) === 0x7f454c46 && image.readUInt8(4) === 2 && image.readUInt8(5) === 1;
  if (!isElf64) throw new Error('not a 64-bit little-endian ELF file');
  const start = Number(image.readBigUInt64LE(32));
  const entryBytes = image.readUInt16LE(54);
  return Array.from({ length: image.readUInt16LE(56) }, (_, index) => {
    const at = start + index * entryBytes;
    return {
      type: image.readUInt32LE(at),
      offset: Number(image.readBigUInt64LE(at + 8)),
      address: image.readBigUInt64LE(at + 16),
      fileBytes: Number(image.readBigUInt64LE(at + 32)),
    };
  });
}

function only(segments: readonly Segment[], type: number): Segment {
  const found = segments.find((segment) => segment.type === type);
  if (found === undefined) throw new Error(`the executable has no program header of type ${type}`);
  return found;
}

function writeInterpreter(image: Buffer, segments: readonly Segment[], interpreter: string): void {
  const { offset, fileBytes } = only(segments, PT_INTERP);
  if (Buffer.byteLength(interpreter) >= fileBytes) {
    throw new Error(`the loader's path ${interpreter} is longer than ${fileBytes - 1} bytes`);
  }
  image.fill(0, offset, offset + fileBytes);
  image.write(interpreter, offset, 'latin1');
}

function entryOffset(image: Buffer, dynamic: Segment, tag: bigint): number | undefined {
  const end = dynamic.offset + dynamic.fileBytes;
  for (let at = dynamic.offset; at < end; at += DYNAMIC_ENTRY_BYTES) {
    if (image.readBigUInt64LE(at) === tag) return at;
  }
  return undefined;
}

function fileOffset(segments: readonly Segment[], address: bigint): number {
  const holder = segments.find((segment) => {
    const distance = address - segment.address;
    return segment.type === PT_LOAD && distance >= 0n && distance < BigInt(segment.fileBytes);
  });
  if (holder === undefined) throw new Error('an address of the executable is in none of its segments');
  return holder.offset + Number(address - holder.address);
}
