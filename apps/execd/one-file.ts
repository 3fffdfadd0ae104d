import {
  ENTRY_AT,
  entryOffset,
  entryOffsets,
  fileOffset,
  formatSegment,
  onlySegment,
  PT_DYNAMIC,
  PT_INTERP,
  PT_LOAD,
  PT_PHDR,
  readSegments,
  SEGMENT_BYTES,
  SEGMENT_COUNT_AT,
  SEGMENTS_AT,
} from './elf-file.ts';
import type { Segment } from './elf-file.ts';
import type { LauncherTarget } from './launcher.ts';
import { DATA, DISTANCE, MESSAGE, oneFileCode } from './one-file-code.ts';

const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_VERNEED = 0x6ffffffen;
const DT_VERNEEDNUM = 0x6fffffffn;

/** What the kernel tells a loader of the program: its segments, their number, the loader's place, its entry. */
const AT_PHDR = 3;
const AT_PHNUM = 5;
const AT_BASE = 7;
const AT_ENTRY = 9;

const EXECUTE = 1;
const WRITE = 2;
const READ = 4;
/** The largest page there is. */
const PAGE = 0x10000;
/** The number of a memory file takes the place of the last of these. */
const LIBRARY_PATH = '/proc/self/fd//////////';
const PATH_BYTES = LIBRARY_PATH.length + 1;
const MOST_LIBRARIES = 4;

export interface OneFileParts {
  readonly target: LauncherTarget;
  /** An executable at a fixed address that needs the loader and the libraries. */
  readonly executable: Buffer;
  readonly loader: Buffer;
  readonly libraries: ReadonlyMap<string, Buffer>;
}

/**
 * Makes one executable of a program, its loader and its libraries: it needs no C library of the image, no shell and no
 * place to write, and remains the file that `/proc/self/exe` names.
 *
 * The kernel maps program and loader alike and begins with the instructions of `one-file-code.ts`. The loader opens
 * the libraries by the path of their memory files. It is shown the program's own segments, not those added here.
 */
export function packOneFile(parts: OneFileParts): Buffer {
  if (parts.libraries.size > MOST_LIBRARIES) throw new Error(`more than ${MOST_LIBRARIES} libraries`);
  const image = Buffer.from(parts.executable);
  const own = readSegments(image);
  const placed = own.filter((segment) => segment.type === PT_LOAD);
  const last = placed.reduce((a, b) => (a.address > b.address ? a : b));
  const dataAt = roundUp(Number(last.address) + last.memoryBytes);
  const librariesAt = dataAt + 2 * DISTANCE;
  const libraries = Buffer.concat([...parts.libraries.values()]);
  const loaderAt = roundUp(librariesAt + libraries.length);
  /** The file goes on as memory does, so that both round to pages alike. */
  const offset = roundUp(image.length) - dataAt;
  const loader = memoryOf(parts.loader);

  const paths = nameLibraries(image, own, [...parts.libraries.keys()], dataAt + DATA.end);
  const tableAt = DATA.end + paths.length;
  const code = oneFileCode(parts.target);
  const segments = [
    ...own.filter(({ type }) => type !== PT_INTERP && type !== PT_PHDR),
    { ...load(READ | WRITE, dataAt, DISTANCE), offset: dataAt + offset },
    { ...load(READ | EXECUTE, dataAt + DISTANCE, code.length), offset: dataAt + DISTANCE + offset },
    { ...load(READ, librariesAt, libraries.length), offset: librariesAt + offset },
    ...loader.segments.map((segment) => {
      const address = loaderAt + Number(segment.address);
      return { ...segment, address: BigInt(address), offset: address + offset };
    }),
  ];
  const data = Buffer.concat([
    formatData(parts, { dataAt, librariesAt, loaderAt, tableAt, image }),
    paths,
    ownTable(own, dataAt + tableAt, dataAt + tableAt + offset),
    ...inOrder(segments).map(formatSegment),
  ]);
  image.writeBigUInt64LE(BigInt(dataAt + DISTANCE), ENTRY_AT);
  image.writeBigUInt64LE(
    BigInt(dataAt + offset + data.length - segments.length * SEGMENT_BYTES),
    SEGMENTS_AT,
  );
  image.writeUInt16LE(segments.length, SEGMENT_COUNT_AT);
  return join([
    [0, image],
    [dataAt + offset, data],
    [dataAt + DISTANCE + offset, code],
    [librariesAt + offset, libraries],
    [loaderAt + offset, loader.content],
  ]);
}

interface Places {
  readonly image: Buffer;
  readonly dataAt: number;
  readonly librariesAt: number;
  readonly loaderAt: number;
  readonly tableAt: number;
}

function formatData(parts: OneFileParts, places: Places): Buffer {
  const { image, dataAt, loaderAt } = places;
  const data = Buffer.alloc(DATA.end);
  const write = (value: number | bigint, at: number): unknown => data.writeBigUInt64LE(BigInt(value), at);
  data.write('--launch', DATA.flag, 'latin1');
  write(BigInt(loaderAt) + parts.loader.readBigUInt64LE(ENTRY_AT), DATA.entry);
  const changes = [
    [AT_PHDR, dataAt + places.tableAt],
    [AT_PHNUM, image.readUInt16LE(SEGMENT_COUNT_AT)],
    [AT_BASE, loaderAt],
    [AT_ENTRY, image.readBigUInt64LE(ENTRY_AT)],
  ] as const;
  for (const [index, [kind, value]] of changes.entries()) {
    write(kind, DATA.changes + index * 16);
    write(value, DATA.changes + index * 16 + 8);
  }
  let address = places.librariesAt;
  for (const [index, content] of [...parts.libraries.values()].entries()) {
    const at = DATA.libraries + index * 24;
    write(address, at);
    write(content.length, at + 8);
    write(dataAt + DATA.end + (index + 1) * PATH_BYTES - 1, at + 16);
    address += content.length;
  }
  data.write('execd', DATA.name, 'latin1');
  data.write(MESSAGE, DATA.message, 'latin1');
  return data;
}

/**
 * Makes the program ask for the libraries by path, both where it names what it needs and where it says which
 * versions. Returns the paths, which must come to be at `address`.
 */
function nameLibraries(
  image: Buffer,
  segments: readonly Segment[],
  names: readonly string[],
  address: number,
): Buffer {
  const dynamic = onlySegment(segments, PT_DYNAMIC);
  const read = (tag: bigint): bigint => {
    const at = entryOffset(image, dynamic, tag);
    if (at === undefined) throw new Error(`the executable has no dynamic entry ${tag}`);
    return image.readBigUInt64LE(at + 8);
  };
  const strings = read(DT_STRTAB);
  /** Where the path for the name at this place of the string table is, relative to that table. */
  const pathFor = (text: bigint): bigint | undefined => {
    const at = fileOffset(segments, strings + text);
    const index = names.indexOf(image.toString('latin1', at, image.indexOf(0, at)));
    return index === -1 ? undefined : BigInt(address + index * PATH_BYTES) - strings;
  };
  for (const at of entryOffsets(image, dynamic, DT_NEEDED)) {
    const path = pathFor(image.readBigUInt64LE(at + 8));
    if (path !== undefined) image.writeBigUInt64LE(path, at + 8);
  }
  let at = fileOffset(segments, read(DT_VERNEED));
  for (let left = read(DT_VERNEEDNUM); left > 0n; left -= 1n) {
    const path = pathFor(BigInt(image.readUInt32LE(at + 4)));
    if (path !== undefined) image.writeUInt32LE(Number(path), at + 4);
    at += image.readUInt32LE(at + 12);
  }
  return Buffer.from(`${LIBRARY_PATH}\0`.repeat(MOST_LIBRARIES), 'latin1');
}

/** The program's segments as the loader shall see them: their table is said to be where this copy is. */
function ownTable(segments: readonly Segment[], address: number, offset: number): Buffer {
  const moved = segments.map((segment) =>
    segment.type === PT_PHDR ? { ...segment, address: BigInt(address), offset } : segment,
  );
  return Buffer.concat(moved.map(formatSegment));
}

/** The loader as it is in memory before it runs, in whole pages; offsets are addresses. */
function memoryOf(file: Buffer): { readonly content: Buffer; readonly segments: readonly Segment[] } {
  const placed = readSegments(file).filter((segment) => segment.type === PT_LOAD);
  const ranges = placed.map((segment) => {
    const { alignment } = segment;
    const start = Math.floor(Number(segment.address) / alignment) * alignment;
    const end = Number(segment.address) + segment.memoryBytes;
    return { segment, start, bytes: Math.ceil((end - start) / alignment) * alignment };
  });
  const content = Buffer.alloc(Math.max(...ranges.map(({ start, bytes }) => start + bytes)));
  for (const { segment } of ranges) {
    file.copy(content, Number(segment.address), segment.offset, segment.offset + segment.fileBytes);
  }
  const segments = ranges.map(({ segment, start, bytes }) => ({
    ...load(segment.flags, start, bytes),
    alignment: segment.alignment,
  }));
  return { content, segments };
}

function load(flags: number, address: number, bytes: number): Segment {
  return {
    type: PT_LOAD,
    flags,
    offset: address,
    address: BigInt(address),
    fileBytes: bytes,
    memoryBytes: bytes,
    alignment: PAGE,
  };
}

/** What is mapped must be told in the order of its addresses. */
function inOrder(segments: readonly Segment[]): Segment[] {
  const mapped = segments.filter(({ type }) => type === PT_LOAD);
  const others = segments.filter(({ type }) => type !== PT_LOAD);
  return [...mapped.sort((a, b) => Number(a.address - b.address)), ...others];
}

function join(pieces: readonly (readonly [number, Buffer])[]): Buffer {
  const file = Buffer.alloc(Math.max(...pieces.map(([at, piece]) => at + piece.length)));
  for (const [at, piece] of pieces) piece.copy(file, at);
  return file;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE;
}
