import { describe, expect, it } from 'vitest';
import { connectionOptions, endToEndHeaders, headerIn } from './hop-by-hop.ts';

const NOTHING: ReadonlySet<string> = new Set();

describe('endToEndHeaders', () => {
  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Authenticate',
    'Proxy-Authorization',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
  ])('drops %s, however it is written', (name) => {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
      expect(endToEndHeaders([spelling, 'x', 'X-Kept', '1'], NOTHING)).toEqual(['X-Kept', '1']);
    }
  });

  it('drops what any Connection header names', () => {
    const raw = [
      'Connection',
      'close, X-One',
      'X-One',
      '1',
      'connection',
      'x-two',
      'X-TWO',
      '2',
      'X-Three',
      '3',
    ];
    expect(endToEndHeaders(raw, NOTHING)).toEqual(['X-Three', '3']);
  });

  it('keeps the length of a body, whatever Connection says of it', () => {
    const raw = ['Connection', 'close, Content-Length', 'Content-Length', '3'];
    expect(endToEndHeaders(raw, NOTHING)).toEqual(['Content-Length', '3']);
  });

  it('drops the names it is told and keeps order, spelling and repetition of the rest', () => {
    const raw = ['B', '1', 'Cookie', 'x', 'a', '2', 'B', '3'];
    expect(endToEndHeaders(raw, new Set(['cookie']))).toEqual(['B', '1', 'a', '2', 'B', '3']);
  });
});

describe('connectionOptions', () => {
  it('reads every header of that name, without empty names', () => {
    expect([...connectionOptions(['Connection', ' Keep-Alive , ,X-a', 'CONNECTION', 'upgrade'])]).toEqual([
      'keep-alive',
      'x-a',
      'upgrade',
    ]);
  });
});

describe('headerIn', () => {
  it('finds the first value without regard to case, and nothing that is absent', () => {
    expect(headerIn(['A', '1', 'b', '2', 'B', '3'], 'B')).toBe('2');
    expect(headerIn(['A', '1'], 'C')).toBeUndefined();
  });
});
