import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCpuMillis, parseGpus, parseMemoryBytes } from './quantity.ts';

describe('parseMemoryBytes', () => {
  it.each([
    ['512Mi', 512 * 2 ** 20],
    ['1G', 1e9],
    ['100', 100],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['1GiB', 2 ** 30],
    ['512 Mi', 512 * 2 ** 20],
    ['512mb', 512e6],
    ['512m', 512e6],
    [' 64k ', 64_000],
    ['64KB', 64_000],
    ['64Ki', 65_536],
    ['2t', 2e12],
    ['1Pi', 2 ** 50],
    ['1Ei', 2 ** 60],
    ['1E', 1e18],
    ['1e3', 1000],
    ['1E3', 1000],
    ['12e-1', 2],
    ['+1Mi', 2 ** 20],
    ['.5Ki', 512],
    ['1.', 1],
    ['1b', 1],
    ['1u', 1],
    ['0', 0],
    ['0Gi', 0],
    ['-0', 0],
  ])('reads %s', (text, bytes) => {
    expect(parseMemoryBytes(text)).toBe(bytes);
  });

  it.each([
    '',
    ' ',
    'abc',
    'Mi',
    '1.5.1Gi',
    '1Xi',
    '1 2',
    '-1',
    '-1Gi',
    'nan',
    'inf',
    'Infinity',
    '1e999999999',
    '0x10',
    '1_000',
    '8Ei',
    '9'.repeat(40),
    '1Mi\u0000',
    '１',
  ])('refuses %j', (text) => {
    expect(parseMemoryBytes(text)).toBeUndefined();
  });

  it('reads every whole number of bytes as itself', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseMemoryBytes(String(bytes))).toBe(bytes);
      }),
    );
  });

  it('never reads a positive amount as no limit', () => {
    const amounts = fc.tuple(
      fc.integer({ min: 1, max: 999 }),
      fc.constantFrom('n', 'u', '', 'e-9', 'k', 'Ki'),
    );
    fc.assert(
      fc.property(amounts, ([count, unit]) => {
        expect(parseMemoryBytes(`${count}${unit}`)).toBeGreaterThan(0);
      }),
    );
  });
});

describe('parseCpuMillis', () => {
  it.each([
    ['500m', 500],
    ['2', 2000],
    ['0.5', 500],
    ['1e1', 10_000],
    ['100M', 100],
    ['0.1234', 124],
    ['1k', 1_000_000],
    ['250000u', 250],
    ['0', 0],
  ])('reads %s', (text, millis) => {
    expect(parseCpuMillis(text)).toBe(millis);
  });

  it.each(['abc', '', '-1', 'nan', 'inf', '1 core', '2B', '9e99', '1Eb'])('refuses %j', (text) => {
    expect(parseCpuMillis(text)).toBeUndefined();
  });
});

describe('parseGpus', () => {
  it.each([
    ['1', 1],
    [' 2 ', 2],
    ['all', 'all'],
    ['ALL', 'all'],
    ['0', 0],
  ])('reads %s', (text, gpus) => {
    expect(parseGpus(text)).toBe(gpus);
  });

  it.each(['-1', '1.5', 'some', '', '9999999999'])('refuses %j', (text) => {
    expect(parseGpus(text)).toBeUndefined();
  });
});
