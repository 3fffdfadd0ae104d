import { describe, expect, it } from 'vitest';
import { exitNumber, exitText } from './process-exit.ts';
import { errorText } from './system-error.ts';
import { wholeCharacters } from './utf8.ts';

describe('an exit', () => {
  it.each([
    [{ code: 0 }, 0, ''],
    [{ code: 3 }, 3, 'exit status 3'],
    [{ signal: 'SIGKILL' }, -1, 'signal: killed'],
    [{ signal: 'SIGTERM' }, -1, 'signal: terminated'],
    [{ signal: 'SIGSEGV' }, -1, 'signal: segmentation fault'],
    [{ signal: 'SIGWEIRD' }, -1, 'signal: SIGWEIRD'],
  ])('%j is told as %i %s', (exit, number, text) => {
    expect([exitNumber(exit), exitText(exit)]).toEqual([number, text]);
  });
});

describe('errorText', () => {
  it('says what the system says', () => {
    const error = Object.assign(new Error('spawn /x EACCES'), { code: 'EACCES' });
    expect(errorText(error)).toBe('permission denied');
    expect(errorText(new Error('plain'))).toBe('plain');
    expect(errorText('text')).toBe('text');
  });
});

describe('wholeCharacters', () => {
  it.each([
    ['abc', 0],
    ['aä', 0],
    ['a€', 0],
    ['a😀', 0],
  ])('keeps %s and gives up each cut of its last character', (text) => {
    const all = new TextEncoder().encode(text);
    expect(wholeCharacters(all)).toBe(all.length);
    const lastLength = all.length - new TextEncoder().encode(text.replace(/.$/u, '')).length;
    for (let cut = 1; cut < lastLength; cut += 1) {
      expect(wholeCharacters(all.subarray(0, all.length - cut))).toBe(all.length - lastLength);
    }
  });

  it('does not wait for what will never be a character', () => {
    expect(wholeCharacters(new Uint8Array([0x61, 0x80, 0x80, 0x80]))).toBe(4);
    expect(wholeCharacters(new Uint8Array([0xff]))).toBe(1);
    expect(wholeCharacters(new Uint8Array())).toBe(0);
  });
});
