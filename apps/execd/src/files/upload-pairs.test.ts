import { describe, expect, it } from 'vitest';
import { pairUp, parseMetadata } from './upload-pairs.ts';

describe('parseMetadata', () => {
  it('reads what is there and takes null as absent', () => {
    expect(parseMetadata('{"path":"/a","owner":null,"mode":755} trailing')).toEqual({
      path: '/a',
      owner: '',
      group: '',
      mode: 755,
    });
  });

  it.each([
    ['{', 'invalid metadata format. '],
    ['', 'invalid metadata format. EOF'],
    ['[]', 'invalid metadata format. '],
    ['{"path":1}', 'invalid metadata format. '],
    ['{"path":"/a","mode":"755"}', 'invalid metadata format. '],
    ['{}', 'metadata path is empty'],
    ['null', 'metadata path is empty'],
    ['{"path":"/tmp/"}', 'metadata path names a directory'],
  ])('refuses %j', (text, message) => {
    const error = expect.objectContaining({ code: 'INVALID_FILE_METADATA' }) as unknown;
    expect(() => parseMetadata(text)).toThrow(message);
    expect(thrownBy(() => parseMetadata(text))).toEqual(error);
  });
});

describe('pairUp', () => {
  it('pairs the n-th with the n-th', () => {
    expect(pairUp(['m1', 'm2'], ['f1', 'f2'])).toEqual([
      { text: 'm1', file: 'f1' },
      { text: 'm2', file: 'f2' },
    ]);
  });

  it.each([
    [[], [], 'INVALID_FILE', 'multipart form is empty'],
    [[], ['f'], 'INVALID_FILE_METADATA', 'metadata file is missing'],
    [['m'], [], 'INVALID_FILE_CONTENT', 'file is missing'],
    [['m', 'm'], ['f'], 'INVALID_FILE', 'metadata and file count mismatch: 2 vs 1'],
  ])('refuses %j with %j', (metadata, files, code, message) => {
    expect(thrownBy(() => pairUp(metadata, files))).toMatchObject({ code, message });
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
