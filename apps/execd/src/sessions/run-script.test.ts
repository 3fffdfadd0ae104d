import { describe, expect, it } from 'vitest';
import { parseReport, shellArguments } from './run-script.ts';

const NONCE = '0123456789abcdef';

describe('shellArguments', () => {
  const script = {
    path: '/proc/7/fd/9',
    preludePath: undefined,
    nonce: NONCE,
    reporter: ['/bin/cat', 'a b'],
  };

  it('starts bash without any of its files and another shell plainly', () => {
    expect(shellArguments('/usr/bin/bash', script).slice(0, 3)).toEqual(['--noprofile', '--norc', '-c']);
    expect(shellArguments('/bin/sh', script)[0]).toBe('-c');
    expect(shellArguments('/bin/bash-like', script)[0]).toBe('-c');
  });

  it.each(['/bin/bash', '/bin/sh'])('is one line for %s, read as a whole before the code runs', (shell) => {
    const text = shellArguments(shell, { ...script, preludePath: '/proc/7/fd/10' }).at(-2);
    expect(text).not.toContain('\n');
    expect(text).toContain('. /proc/7/fd/10; ');
    expect(text).toContain("exec '/bin/cat' 'a b' ) >>/proc/7/fd/9");
  });
});

describe('parseReport', () => {
  it.each([
    ['no report', '', undefined],
    ['one that was cut off', `${NONCE}\0/tmp\n\0A=1\0`, undefined],
    ['one with another nonce', `x\0/tmp\n\0A=1\0xenv`, undefined],
    ['an end without a beginning', `${NONCE}env`, undefined],
    ['the directory alone', `${NONCE}\0/tmp\n\0${NONCE}dir`, { directory: '/tmp', variables: undefined }],
    [
      'directory and variables',
      `${NONCE}\0/a\nb\n\n\0A=1\0B=\0C=x=y\n\0broken\0=odd\0${NONCE}env`,
      {
        directory: '/a\nb\n',
        variables: new Map([
          ['A', '1'],
          ['B', ''],
          ['C', 'x=y\n'],
        ]),
      },
    ],
    [
      'the second attempt when the first failed',
      `${NONCE}\0/x\n\0A=${NONCE}\0/tmp\n\0A=1\0${NONCE}env`,
      { directory: '/tmp', variables: new Map([['A', '1']]) },
    ],
  ])('reads %s', (_name, bytes, report) => {
    expect(parseReport(bytes, NONCE)).toEqual(report);
  });
});
