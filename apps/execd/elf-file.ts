/** What the ELF format (64-bit, little endian) says of an executable. */
export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_PHDR = 6;
export const SEGMENT_BYTES = 56;

/** Where the file header tells the entry, the place of the segments' table, and their number. */
export const ENTRY_AT = 24;
export const SEGMENTS_AT = 32;
export const SEGMENT_COUNT_AT = 56;

const DYNAMIC_ENTRY_BYTES = 16;

export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly alignment: number;
}

export function readSegments(image: Buffer): Segment[] {
  const isElf64 =
    image.readUInt32BE(0) === 0x7f454c46 && image.readUInt8(4) === 2 && image.readUInt8(5) === 1;
  if (!isElf64) throw new Error('not a 64-bit little-endian ELF file');
  const start = Number(image.readBigUInt64LE(SEGMENTS_AT));
  return Array.from({ length: image.readUInt16LE(SEGMENT_COUNT_AT) }, (_, index) => {
    const at = start + index * SEGMENT_BYTES;
    return {
      type: image.readUInt32LE(at),
      flags: image.readUInt32LE(at + 4),
      offset: Number(image.readBigUInt64LE(at + 8)),
      address: image.readBigUInt64LE(at + 16),
      fileBytes: Number(image.readBigUInt64LE(at + 32)),
      memoryBytes: Number(image.readBigUInt64LE(at + 40)),
      alignment: Number(image.readBigUInt64LE(at + 48)),
    };
  });
}

export function formatSegment(segment: Segment): Buffer {
  const header = Buffer.alloc(SEGMENT_BYTES);
  header.writeUInt32LE(segment.type, 0);
  header.writeUInt32LE(segment.flags, 4);
  header.writeBigUInt64LE(BigInt(segment.offset), 8);
  header.writeBigUInt64LE(segment.address, 16);
  header.writeBigUInt64LE(segment.address, 24);
  header.writeBigUInt64LE(BigInt(segment.fileBytes), 32);
  header.writeBigUInt64LE(BigInt(segment.memoryBytes), 40);
  header.writeBigUInt64LE(BigInt(segment.alignment), 48);
  return header;
}

export function onlySegment(segments: readonly Segment[], type: number): Segment {
  const found = segments.find((segment) => segment.type === type);
  if (found === undefined) throw new Error(`the executable has no program header of type ${type}`);
  return found;
}

/** The entries of the dynamic section with this tag, as offsets in the file. */
export function entryOffsets(image: Buffer, dynamic: Segment, tag: bigint): number[] {
  const count = Math.floor(dynamic.fileBytes / DYNAMIC_ENTRY_BYTES);
  return Array.from({ length: count }, (_, index) => dynamic.offset + index * DYNAMIC_ENTRY_BYTES).filter(
    (at) => image.readBigUInt64LE(at) === tag,
  );
}

export function entryOffset(image: Buffer, dynamic: Segment, tag: bigint): number | undefined {
  return entryOffsets(image, dynamic, tag)[0];
}

export function fileOffset(segments: readonly Segment[], address: bigint): number {
  const holder = segments.find((segment) => {
    const distance = address - segment.address;
    return segment.type === PT_LOAD && distance >= 0n && distance < BigInt(segment.fileBytes);
  });
  if (holder === undefined) throw new Error('an address of the executable is in none of its segments');
  return holder.offset + Number(address - holder.address);
}
