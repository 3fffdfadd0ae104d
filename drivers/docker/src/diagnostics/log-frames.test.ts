import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogPiece } from './log-frames.ts';
import { FrameReader } from './log-frames.ts';

function frame(stream: number, bytes: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** Pieces of one frame as one. */
function whole(pieces: readonly LogPiece[]): string[] {
  const frames: { stream: string; bytes: Buffer }[] = [];
  for (const { stream, bytes, isStart } of pieces) {
    const last = frames.at(-1);
    if (isStart || last === undefined) frames.push({ stream, bytes });
    else last.bytes = Buffer.concat([last.bytes, bytes]);
  }
  return frames.map(({ stream, bytes }) => `${stream} ${bytes.toString('latin1')}`);
}

describe('FrameReader', () => {
  it('tells the outputs apart', () => {
    const bytes = Buffer.concat([frame(1, Buffer.from('a\n')), frame(2, Buffer.from('b\n'))]);
    expect(new FrameReader().push(bytes)).toEqual([
      { stream: 'stdout', bytes: Buffer.from('a\n'), isStart: true },
      { stream: 'stderr', bytes: Buffer.from('b\n'), isStart: true },
    ]);
  });

  it('reads the same frames however the bytes arrive', () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (list, cuts) => {
        const bytes = Buffer.concat(list.map(([stream, body]) => frame(stream, Buffer.from(body))));
        const reader = new FrameReader();
        const pieces: LogPiece[] = [];
        for (let from = 0, turn = 0; from < bytes.length; turn += 1) {
          const to = from + (cuts[turn % cuts.length] ?? 1);
          pieces.push(...reader.push(bytes.subarray(from, to)));
          from = to;
        }
        expect(whole(pieces)).toEqual(whole(new FrameReader().push(bytes)));
        expect(whole(pieces)).toHaveLength(list.length);
      }),
    );
  });

  it('passes a huge frame on in pieces', () => {
    const body = Buffer.alloc(300_000, 'x');
    const bytes = frame(1, body);
    const reader = new FrameReader();
    const pieces = [...reader.push(bytes.subarray(0, 100_000)), ...reader.push(bytes.subarray(100_000))];
    expect(pieces.map(({ isStart }) => isStart)).toEqual([true, false]);
    expect(Buffer.concat(pieces.map((piece) => piece.bytes)).equals(body)).toBe(true);
  });
});
