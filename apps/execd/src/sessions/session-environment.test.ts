import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { environmentChanges, quote, runEnvironment, toBytes, toText } from './session-environment.ts';

const NO_TEXT = 'a\xffb';

describe('runEnvironment', () => {
  it('lays changes over where the session began, and what is the run’s own over both', () => {
    const base = { A: 'base', B: 'base', C: 'base', 'odd-name': 'kept' };
    const changes = new Map([
      ['B', 'changed'],
      ['C', undefined],
      ['D', 'changed'],
    ]);
    const { env, prelude } = runEnvironment(base, changes, { D: 'own', E: 'é' });
    expect(env).toEqual({ A: 'base', B: 'changed', D: 'own', E: 'é', 'odd-name': 'kept' });
    expect(prelude).toBe('');
  });

  it('hands over by shell commands what is no text', () => {
    const { env, prelude, before } = runEnvironment({}, new Map([['A', `${NO_TEXT}'`]]), {});
    expect(env).toEqual({});
    expect(prelude).toBe(`export A='${NO_TEXT}'\\'''\n`);
    expect(before).toEqual(new Map([['A', `${NO_TEXT}'`]]));
  });

  it('leaves out the largest variables when there are more than a program can be started with', () => {
    const large = 'x'.repeat(100_000);
    const changes = new Map(Array.from({ length: 20 }, (_, index) => [`L${index}`, large] as const));
    const { env } = runEnvironment({ SMALL: 'x' }, changes, {});
    expect(env['SMALL']).toBe('x');
    expect(Object.keys(env).length).toBe(16);
  });
});

describe('environmentChanges', () => {
  const before = new Map([
    ['SAME', '1'],
    ['CHANGED', '1'],
    ['GONE', '1'],
  ]);

  it.each<[string, [string, string][], [string, string | undefined][]]>([
    ['nothing', [], []],
    ['a new value', [['CHANGED', '2']], [['CHANGED', '2']]],
    ['a new variable', [['NEW', NO_TEXT]], [['NEW', NO_TEXT]]],
    [
      'what a shell sets for itself',
      [
        ['SHLVL', '3'],
        ['_', '/bin/cat'],
        ['PWD', '/'],
        ['PS1', '#'],
      ],
      [],
    ],
    [
      'options that are exported',
      [
        ['SHELLOPTS', 'xtrace'],
        ['BASHOPTS', 'extglob'],
      ],
      [],
    ],
    ['a function', [['BASH_FUNC_f%%', '() { :; }']], []],
    ['the longest value', [['N', 'x'.repeat(131_070 - 1)]], [['N', 'x'.repeat(131_070 - 1)]]],
    ['a longer value', [['CHANGED', 'x'.repeat(131_072)]], [['CHANGED', undefined]]],
  ])('tells %s', (_name, after, changes) => {
    const found = environmentChanges(before, new Map([...before, ...after]));
    expect([...found]).toEqual(changes);
  });

  it('tells what was taken away', () => {
    const after = new Map([...before].filter(([name]) => name !== 'GONE'));
    expect([...environmentChanges(before, after)]).toEqual([['GONE', undefined]]);
  });

  it('gives, laid over the beginning, what the run ended with', () => {
    const names = fc.constantFrom('A', 'B', 'C');
    const values = fc.string({
      unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
    });
    const variables = fc.array(fc.tuple(names, values)).map((entries) => new Map(entries));
    fc.assert(
      fc.property(variables, variables, (start, after) => {
        const changes = new Map([...start, ...environmentChanges(start, after)]);
        expect(new Map(runEnvironment({}, changes, {}).before)).toEqual(after);
      }),
    );
  });
});

describe('bytes', () => {
  it.each(['', 'é 漢字 🙂', '\ud7ff'])('keep the text %j', (text) => {
    expect(toText(toBytes(text))).toBe(text);
  });

  it('that are no text are not read as one', () => {
    expect(toText(NO_TEXT)).toBeUndefined();
  });

  it('are quoted so that a shell takes none of them for anything else', () => {
    expect(quote('it\'s $HOME `id` \\ "')).toBe(`'it'\\''s $HOME \`id\` \\ "'`);
  });
});
