import { describe, expect, it } from 'vitest';
import { shellSplit } from './shell-split.ts';

describe('shellSplit', () => {
  it.each([
    ['tail -f /dev/null', ['tail', '-f', '/dev/null']],
    ['  spaced \t out ', ['spaced', 'out']],
    [`sh -c "echo 'a b'"`, ['sh', '-c', "echo 'a b'"]],
    [`echo 'it''s'`, ['echo', 'its']],
    [`echo "a \\" b" c\\ d`, ['echo', 'a " b', 'c d']],
    [`echo "\\n \\\\ $HOME"`, ['echo', '\\n \\ $HOME']],
    [`echo '\\'`, ['echo', '\\']],
    [`echo ''`, ['echo', '']],
    ['', []],
  ])('splits %j', (line, words) => {
    expect(shellSplit(line)).toEqual(words);
  });

  it.each([`echo "oops`, `echo 'oops`, 'echo oops\\', `echo "oops\\"`])('refuses %j', (line) => {
    expect(shellSplit(line)).toBeUndefined();
  });
});
