import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outputFrames, parseClientFrame, replayFrame } from './frames.ts';

describe('a frame of a client', () => {
  it.each([
    ['{"type":"stdin","data":"ä\\n"}', { kind: 'stdin', bytes: Buffer.from('ä\n') }],
    ['{"type":"stdin"}', { kind: 'stdin', bytes: Buffer.alloc(0) }],
    ['{"type":"stdin","data":7}', { kind: 'ignored' }],
    ['{"type":"resize","cols":120,"rows":40}', { kind: 'resize', cols: 120, rows: 40 }],
    ['{"type":"resize","cols":0,"rows":40}', { kind: 'ignored' }],
    ['{"type":"resize","cols":80}', { kind: 'ignored' }],
    ['{"type":"resize","cols":65536,"rows":1}', { kind: 'ignored' }],
    ['{"type":"signal","signal":"SIGINT"}', { kind: 'signal', name: 'SIGINT' }],
    ['{"type":"signal","signal":"SIGUSR1"}', { kind: 'ignored' }],
    ['{"type":"signal","signal":"toString"}', { kind: 'ignored' }],
    ['{"type":"ping"}', { kind: 'ping' }],
    ['{"type":"x"}', { kind: 'unknown', type: 'x' }],
    ['{}', { kind: 'unknown', type: '' }],
    ['{"type":5}', { kind: 'ignored' }],
    ['{"type"', { kind: 'ignored' }],
    ['null', { kind: 'ignored' }],
    ['[]', { kind: 'ignored' }],
    ['""', { kind: 'ignored' }],
  ])('%s is understood', (text, frame) => {
    expect(parseClientFrame(text)).toEqual(frame);
  });

  it('carries input behind a zero; other bytes and nothing mean nothing', () => {
    expect(parseClientFrame(new Uint8Array([0, 104, 105]))).toEqual({
      kind: 'stdin',
      bytes: new Uint8Array([104, 105]),
    });
    expect(parseClientFrame(new Uint8Array([7, 104]))).toEqual({ kind: 'ignored' });
    expect(parseClientFrame(new Uint8Array())).toEqual({ kind: 'ignored' });
  });

  it('never throws, whatever it holds', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array()), parsesQuietly));
  });
});

function parsesQuietly(message: string | Uint8Array): void {
  expect(parseClientFrame(message).kind).toBeTypeOf('string');
}

describe('frames of output', () => {
  it('name their stream and hold up to 32 KiB each', () => {
    const bytes = new Uint8Array(70_000).map((_value, index) => index % 251);
    const frames = outputFrames('stderr', bytes);
    expect(frames.map((frame) => frame.length)).toEqual([32_769, 32_769, 4465]);
    expect(frames.every((frame) => frame[0] === 2)).toBe(true);
    expect(Buffer.concat(frames.map((frame) => frame.subarray(1))).equals(bytes)).toBe(true);
    expect(outputFrames('stdout', new Uint8Array([9]))).toEqual([new Uint8Array([1, 9])]);
    expect(outputFrames('stdout', new Uint8Array())).toEqual([]);
  });

  it('tell the offset of what is replayed', () => {
    expect([...replayFrame(2 ** 33 + 5, new Uint8Array([7]))]).toEqual([3, 0, 0, 0, 2, 0, 0, 0, 5, 7]);
  });
});
