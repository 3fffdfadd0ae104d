import { describe, expect, it } from 'vitest';
import { preparationCode } from './preparation.ts';

describe('preparationCode', () => {
  it('is nothing when there is nothing to set', () => {
    expect(preparationCode('python', { variables: {}, cwd: undefined })).toBeUndefined();
  });

  it.each(['java', 'go', 'javascript', 'typescript'])(
    'is nothing for %s, which has no sure way',
    (language) => {
      expect(preparationCode(language, { variables: { A: '1' }, cwd: '/tmp' })).toBeUndefined();
    },
  );

  it('cannot be left by quotes, backslashes or ends of lines', () => {
    const variables = { A: `'"\\\n$HOME`, 'not a name': 'x' };
    expect(preparationCode('python', { variables, cwd: '/a "b"' })).toBe(
      '__import__("os").environ["A"] = "\'\\"\\\\\\n$HOME"\n__import__("os").chdir("/a \\"b\\"")',
    );
    expect(preparationCode('bash', { variables, cwd: "/it's" })).toBe(
      `export A=''\\''"\\\n$HOME'\ncd -- '/it'\\''s'`,
    );
  });
});
