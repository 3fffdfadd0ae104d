import { describe, expect, it } from 'vitest';
import { seccompFilter } from './seccomp-filter.ts';

const ALLOWED = 0x7fff0000;
const REFUSED = 0x00050001;
const UNKNOWN = 0x00050026;
const KILLED = 0x80000000;
const X64 = 0xc000003e;

/** Runs a filter as the kernel does. */
function answer(architecture: string, call: { number: number; audit: number; argument?: number }): number {
  const code = Buffer.from(seccompFilter(architecture));
  const words = new Map([
    [0, call.number],
    [4, call.audit],
    [16, call.argument ?? 0],
  ]);
  let value = 0;
  for (let at = 0; at < code.length / 8; at += 1) {
    const operand = code.readUInt32LE(at * 8 + 4);
    const jump = (taken: boolean): void => void (at += code.readUInt8(at * 8 + (taken ? 2 : 3)));
    const opcode = code.readUInt16LE(at * 8);
    if (opcode === 0x20) value = words.get(operand) ?? 0;
    else if (opcode === 0x15) jump(value === operand);
    else if (opcode === 0x35) jump(value >= operand);
    else if (opcode === 0x45) jump((value & operand) !== 0);
    else return operand;
  }
  throw new Error('the filter has no end');
}

describe('seccompFilter', () => {
  it.each([
    ['read', 0, 0, ALLOWED],
    ['mount', 165, 0, REFUSED],
    ['unshare', 272, 0, REFUSED],
    ['move_mount', 429, 0, REFUSED],
    ['clone of a thread', 56, 0x3d0f00, ALLOWED],
    ['clone into a user namespace', 56, 0x10000011, REFUSED],
    ['clone3', 435, 0, UNKNOWN],
    ['a call of the x32 interface', 0x40000000 + 165, 0, UNKNOWN],
  ])('answers %s', (_name, number, argument, expected) => {
    expect(answer('x64', { number, audit: X64, argument })).toBe(expected);
  });

  it('lets no call of another architecture through', () => {
    expect(answer('x64', { number: 0, audit: 0x40000003 })).toBe(KILLED);
    expect(answer('arm64', { number: 40, audit: 0xc00000b7 })).toBe(REFUSED);
  });

  it('is not made for a processor it does not know', () => {
    expect(() => seccompFilter('mips')).toThrow('no filter');
  });
});
