import { describe, expect, it } from 'vitest';
import { dropBefore } from './output-limit.ts';

const KIB = 1024;

describe('dropBefore', () => {
  it.each([
    ['nothing while there is little', { size: 100, firstByte: 0, keptBytes: 1000 * KIB }, undefined],
    ['nothing within the slack', { size: 1250 * KIB, firstByte: 0, keptBytes: 1000 * KIB }, undefined],
    ['whole blocks beyond it', { size: 1300 * KIB, firstByte: 0, keptBytes: 1000 * KIB }, 256 * KIB],
    ['nothing twice', { size: 1400 * KIB, firstByte: 256 * KIB, keptBytes: 1000 * KIB }, undefined],
    ['what came since', { size: 2560 * KIB, firstByte: 256 * KIB, keptBytes: 1000 * KIB }, 1536 * KIB],
  ])('drops %s', (_name, output, end) => {
    expect(dropBefore(output)).toBe(end);
  });
});
