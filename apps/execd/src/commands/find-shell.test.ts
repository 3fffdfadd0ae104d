import { describe, expect, it } from 'vitest';
import { findShell } from './shell.ts';

describe('findShell', () => {
  const among =
    (...files: readonly string[]) =>
    (name: string, searchPath: string): string | undefined =>
      searchPath
        .split(':')
        .map((directory) => `${directory}/${name}`)
        .find((path) => files.includes(path));
  const own = '/opt/opensandbox/lib/sh';

  it.each([
    ['bash, wherever it is', '/a:/b', ['/a/sh', '/b/bash', own], ['/b/bash']],
    ['sh', '/a:/b', ['/b/sh', own], ['/b/sh']],
    ['sh in its usual place, when PATH leads elsewhere', '/a', ['/bin/sh', own], ['/bin/sh']],
    ['what is in the usual places, without a PATH', undefined, ['/usr/bin/bash'], ['/usr/bin/bash']],
    [
      "the agent's own, where the image has none",
      '/a',
      [own],
      ['/opt/opensandbox/lib/ld.so', '--library-path', '/opt/opensandbox/lib', own],
    ],
    ['sh in its usual place, where there is nothing', '/a', [], ['/bin/sh']],
  ])('is %s', (_name, path, files, shell) => {
    expect(findShell(path, among(...files))).toEqual(shell);
  });
});
