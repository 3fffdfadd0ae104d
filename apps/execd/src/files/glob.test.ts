import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadGlob, compileGlob } from './glob.ts';

const matches = (pattern: string, path: string): boolean => compileGlob(pattern)(path);

/** [pattern, path, expected] */
const TABLE: readonly (readonly [string, string, boolean])[] = [
  ['', '', true],
  ['', 'a', false],
  ['abc', 'abc', true],
  ['abc', 'ABC', false],
  ['abc', 'abcd', false],
  ['*', 'abc', true],
  ['*', '', true],
  ['*', '.hidden', true],
  ['*', 'a/b', false],
  ['*.txt', 'a.txt', true],
  ['*.txt', '.txt', true],
  ['*.txt', 'a.txt.bak', false],
  ['a*b*c', 'aXbYc', true],
  ['a*b*c', 'aXbY', false],
  ['**', 'a', true],
  ['**', 'a/b/c', true],
  ['**/x', 'x', true],
  ['**/x', 'a/x', true],
  ['**/x', 'a/b/x', true],
  ['**/x', 'ax', false],
  ['**/*.py', 'main.py', true],
  ['**/*.py', 'src/deep/main.py', true],
  ['src/*.py', 'main.py', false],
  ['src/*.py', 'src/main.py', true],
  ['src/*.py', 'src/a/main.py', false],
  ['src/**/*.py', 'src/main.py', true],
  ['src/**/*.py', 'src/a/b/main.py', true],
  ['abc**', 'abcdef', true],
  ['abc**', 'abc/def', false],
  ['**abc', 'xabc', true],
  ['**abc', 'x/abc', false],
  ['***', 'a/b', false],
  ['a/**', 'a', true],
  ['a/**', 'a/', true],
  ['a/**', 'a/b/c', true],
  ['a/**', 'ab', false],
  ['{a/**,z}', 'a/b/c', true],
  ['{a/**,z}', 'z', true],
  ['?', 'a', true],
  ['?', '', false],
  ['?', '/', false],
  ['?', '😀', true],
  ['??', '😀', false],
  ['a?c', 'aéc', true],
  ['[abc]', 'b', true],
  ['[abc]', 'd', false],
  ['[a-c]x', 'bx', true],
  ['[^a-c]', 'd', true],
  ['[^a-c]', 'b', false],
  ['[!a]*', 'bcd', true],
  ['[!a]*', 'abc', false],
  ['[^a]', '/', false],
  ['[-x]', '-', true],
  ['[x-]', '-', true],
  ['[x-]', 'y', false],
  ['[\\]]', ']', true],
  ['[\\^]', '^', true],
  ['[a\\-z]', '-', true],
  ['[a\\-z]', 'b', false],
  ['[😀-😂]', '😁', true],
  ['[z-a]', 'm', false],
  ['{a,b}', 'a', true],
  ['{a,b}', 'c', false],
  ['{a,b}*', 'bcd', true],
  ['{a,b{c,d}}', 'bd', true],
  ['{a,b{c,d}}', 'b', false],
  ['a{,b}c', 'ac', true],
  ['a{,b}c', 'abc', true],
  ['*.{js,ts}', 'x.ts', true],
  ['{*,?}x', 'abx', true],
  ['a}b', 'a}b', true],
  ['a,b', 'a,b', true],
  ['\\*', '*', true],
  ['\\*', 'a', false],
  ['\\{a,b\\}', '{a,b}', true],
  ['a\\!b', 'a!b', true],
  ['!(*.txt)', 'a.txt', false],
  ['!(*.txt)', 'a.py', true],
  ['!({a,b})', 'a', false],
  ['!({a,b})', 'c', true],
  ['!(a).txt', 'a.txt', false],
  ['!(a).txt', 'b.txt', true],
  ['!(a).txt', 'b.py', true],
  ['x!(a)', 'xa', false],
  ['x!(a)', 'xb', true],
  ['x!(a)', 'ya', false],
  ['!(!(a))', 'a', true],
  ['!(!(a))', 'b', false],
];

describe('compileGlob', () => {
  it.each(TABLE)('%j on %j is %j', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
  });

  it.each(['[', '[a', '[]', '[]a]', '[^]', '[a\\', '{', '{a', '{a,', 'a\\', '!', '!a', 'a!b', '!(', '!(a'])(
    'refuses %j',
    (pattern) => {
      expect(() => compileGlob(pattern)).toThrow(BadGlob);
    },
  );

  it('refuses a pattern longer than a path can be', () => {
    expect(() => compileGlob('a'.repeat(2000))).toThrow(BadGlob);
  });

  it('stays fast on patterns that make backtracking matchers explode', () => {
    const before = performance.now();
    expect(matches(`${'*a'.repeat(60)}b`, 'a'.repeat(250))).toBe(false);
    expect(matches('{a,aa}'.repeat(60), 'a'.repeat(121))).toBe(false);
    expect(matches('!('.repeat(200) + 'a' + ')'.repeat(200), 'a')).toBe(true);
    expect(performance.now() - before).toBeLessThan(1000);
  });

  it('matches what begins with a segment wildcard at a segment boundary only', () => {
    expect(matches('**/b/**/d', 'a/b/c/d')).toBe(true);
    expect(matches('**/b/**/d', 'a/xb/c/d')).toBe(false);
  });

  it('matches the text itself when every special character is escaped', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const pattern = text.replace(/[*?[\]{}!,()\\-]/g, '\\$&');
        expect(matches(pattern, text)).toBe(true);
      }),
    );
  });

  it('finds every text matched by **', () => {
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => matches('**', text)));
  });

  const simple = fc
    .array(fc.constantFrom('a', 'b', '*', '?', '[ab]', '[^a]', '.', '/'), { maxLength: 8 })
    .map((parts) => parts.join('').replace(/\*+/g, '*'));
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '.', '/'), maxLength: 8 });

  it('agrees with a regular expression on patterns without alternatives', () => {
    fc.assert(
      fc.property(simple, word, (pattern, text) => {
        const source = pattern
          .replaceAll('.', '\\.')
          .replaceAll('[^a]', '[^a/]')
          .replaceAll('?', '[^/]')
          .replace(/\*+/g, '[^/]*');
        expect(matches(pattern, text)).toBe(new RegExp(`^${source}$`, 'u').test(text));
      }),
      { numRuns: 300 },
    );
  });

  it('treats alternatives as any of them, and a negation as the opposite', () => {
    fc.assert(
      fc.property(simple, simple, word, (left, right, text) => {
        expect(matches(`{${left},${right}}`, text)).toBe(matches(left, text) || matches(right, text));
        expect(matches(`!(${left})`, text)).toBe(!matches(left, text));
      }),
      { numRuns: 300 },
    );
  });

  it('never fails but with BadGlob', () => {
    const noise = fc.string({
      unit: fc.constantFrom('*', '?', '[', ']', '{', '}', ',', '!', '(', ')', '\\', '-', '^', 'a', '/', '😀'),
    });
    fc.assert(
      fc.property(noise, word, (pattern, text) => {
        try {
          matches(pattern, text);
        } catch (error) {
          expect(error).toBeInstanceOf(BadGlob);
        }
      }),
      { numRuns: 500 },
    );
  });
});
