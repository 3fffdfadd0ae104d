import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDisposition } from './disposition.ts';

describe('formatDisposition', () => {
  it.each([
    ['a.txt', 'attachment; filename="a.txt"'],
    ['a b;c.txt', 'attachment; filename="a b;c.txt"'],
    ['say "hi".txt', 'attachment; filename="say \\"hi\\".txt"'],
    ['back\\slash', 'attachment; filename="back\\\\slash"'],
    ['a\r\nX-Evil: 1', 'attachment; filename="aX-Evil: 1"'],
    [
      'report-报告.pdf',
      'attachment; filename="report-%E6%8A%A5%E5%91%8A.pdf"; filename*=UTF-8\'\'report-%E6%8A%A5%E5%91%8A.pdf',
    ],
    ['é "x', 'attachment; filename="%C3%A9%20%22x"; filename*=UTF-8\'\'%C3%A9%20%22x'],
  ])('writes %j', (name, expected) => {
    expect(formatDisposition(name)).toBe(expected);
  });

  it('is a header value that the platform accepts, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const value = formatDisposition(name);
        expect(value).toMatch(/^[ -~]*$/);
        expect(() => new Headers({ 'content-disposition': value })).not.toThrow();
      }),
    );
  });
});
