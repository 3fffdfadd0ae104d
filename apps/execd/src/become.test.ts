import { describe, expect, it } from 'vitest';
import { becomeProgram } from './become.ts';

describe('becomeProgram', () => {
  it('leaves groups, then group, then user behind before it becomes the program', () => {
    const did: unknown[] = [];
    const note =
      (name: string) =>
      (...args: readonly unknown[]): void =>
        void did.push([name, ...args]);
    const control = {
      setgroups: note('setgroups'),
      setgid: note('setgid'),
      setuid: note('setuid'),
      execve: note('execve'),
      on: () => undefined,
    };
    becomeProgram(control, ['run-as', '5', '6', '6,7', '/bin/sh', '-c', 'x'], { '@A': '1', B: '2' });
    expect(did).toEqual([
      ['setgroups', [6, 7]],
      ['setgid', 6],
      ['setuid', 5],
      ['execve', '/bin/sh', ['/bin/sh', '-c', 'x'], { A: '1' }],
    ]);
  });

  it('does nothing when it is not asked to', () => {
    expect(becomeProgram({ on: () => undefined }, ['--port', '1'], {})).toBeUndefined();
  });
});
