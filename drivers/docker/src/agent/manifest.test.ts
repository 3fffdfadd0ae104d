import { describe, expect, it } from 'vitest';
import { formatManifest, manifestOf, parseManifest } from './manifest.ts';

describe('a manifest', () => {
  it('names every file with its size', () => {
    const manifest = manifestOf([
      { kind: 'file', path: 'execd', mode: 0o755, size: 7, source: '/somewhere' },
      { kind: 'directory', path: 'lib' },
      { kind: 'link', path: '.env', target: '/tmp/env' },
    ]);
    expect(parseManifest(formatManifest(manifest).toString())).toEqual(new Map([['execd', 7]]));
  });

  it.each(['', '{', '[]', '{"files":{}}', '{"files":{"execd":-1}}', '{"files":{"execd":"7"}}'])(
    'is not seen in %j',
    (text) => expect(parseManifest(text)).toBeUndefined(),
  );
});
