import { describe, expect, it } from 'vitest';
import { parseEnvFile } from './env-file.ts';
import { expandPath, expandVariables } from './expand.ts';

const ENVIRONMENT = { HOME: '/home/me', A: 'x', EMPTY: '' };

describe('expandVariables', () => {
  it.each([
    ['$A/${A}', 'x/x'],
    ['$NOPE.', '.'],
    ['$5 $$ ${A', '$5 $$ ${A'],
    ['$EMPTY|', '|'],
  ])('turns %s into %s', (text, expanded) => {
    expect(expandVariables(text, ENVIRONMENT)).toBe(expanded);
  });
});

describe('expandPath', () => {
  it.each([
    ['~', { path: '/home/me' }],
    ['~/x', { path: '/home/me/x' }],
    ['~other', { path: '~other' }],
    ['/a/$A', { path: '/a/x' }],
    ['$HOME', { path: '/home/me' }],
    ['$Z/${B}/$Z', { missing: ['B', 'Z'] }],
  ])('reads %s', (text, expanded) => {
    expect(expandPath(text, ENVIRONMENT)).toEqual(expanded);
  });

  it('needs HOME for a tilde', () => {
    expect(expandPath('~/x', {})).toEqual({ noHome: true });
  });
});

describe('parseEnvFile', () => {
  it('takes values from the environment and never from an earlier line', () => {
    const malformed: number[] = [];
    const text = '# note\n\n  FOO=bar \nP=$A/$FOO\nMALFORMED\n=x\nQ="a=b"\nEMPTY=\r\n';
    expect(parseEnvFile(text, ENVIRONMENT, (line) => malformed.push(line))).toEqual({
      FOO: 'bar',
      P: 'x/',
      Q: '"a=b"',
      EMPTY: '',
    });
    expect(malformed).toEqual([5, 6]);
  });
});
