import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameTracker } from './frame-tracker.ts';

function frame(opcode: number, bytes: number, isMasked: boolean): Buffer {
  const length = bytes < 126 ? Buffer.from([bytes]) : bytes < 65_536 ? Buffer.alloc(3) : Buffer.alloc(9);
  if (length.length === 3) length.writeUInt16BE(bytes, 1);
  if (length.length === 9) length.writeBigUInt64BE(BigInt(bytes), 1);
  if (length.length > 1) length[0] = length.length === 3 ? 126 : 127;
  length[0] = (length[0] ?? 0) | (isMasked ? 0x80 : 0);
  return Buffer.concat([
    Buffer.from([0x80 | opcode]),
    length,
    Buffer.alloc((isMasked ? 4 : 0) + bytes, 0x88),
  ]);
}

describe('FrameTracker', () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])('knows the end of a frame of %i bytes', (bytes) => {
    for (const isMasked of [false, true]) {
      const whole = frame(2, bytes, isMasked);
      const tracker = new FrameTracker();
      tracker.push(whole.subarray(0, whole.length - 1));
      expect(tracker.isBetweenFrames).toBe(false);
      tracker.push(whole.subarray(whole.length - 1));
      expect(tracker.isBetweenFrames).toBe(true);
      expect(tracker.hasClosed).toBe(false);
    }
  });

  it('sees a goodbye once all of it has passed, and no other frame as one', () => {
    const tracker = new FrameTracker();
    tracker.push(frame(1, 8, false));
    const goodbye = frame(8, 2, false);
    tracker.push(goodbye.subarray(0, 3));
    expect(tracker.hasClosed).toBe(false);
    tracker.push(goodbye.subarray(3));
    expect(tracker.hasClosed).toBe(true);
  });

  it('is of the same mind however the bytes are cut', () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(0, 1, 2, 8, 9, 10), fc.nat(400), fc.boolean()));
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 50 }), (list, size) => {
        const bytes = Buffer.concat(
          list.map(([opcode, length, isMasked]) => frame(opcode, length, isMasked)),
        );
        const tracker = new FrameTracker();
        for (let at = 0; at < bytes.length; at += size) tracker.push(bytes.subarray(at, at + size));
        expect(tracker.isBetweenFrames).toBe(true);
        expect(tracker.hasClosed).toBe(list.some(([opcode]) => opcode === 8));
      }),
    );
  });
});
