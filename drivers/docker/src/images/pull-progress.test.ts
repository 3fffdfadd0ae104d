import { describe, expect, it } from 'vitest';
import { createPullProgress, formatBytes } from './pull-progress.ts';

const downloading = (id: string, current: number, total: number) => ({
  id,
  status: 'Downloading',
  progressDetail: { current, total },
});

describe('createPullProgress', () => {
  it('adds up the layers and tells each change once', () => {
    const progress = createPullProgress('app:v1');
    expect(progress.read({ id: 'a', status: 'Pulling fs layer' })).toBe(
      'Pulling image app:v1: 0 B of 0 B, 0 of 1 layers',
    );
    progress.read({ id: 'b', status: 'Pulling fs layer' });
    progress.read(downloading('a', 0, 3_000_000));
    expect(progress.read(downloading('b', 500_000, 1_000_000))).toBe(
      'Pulling image app:v1: 500.0 kB of 4.0 MB (12%), 0 of 2 layers',
    );
    expect(progress.read(downloading('b', 500_000, 1_000_000))).toBeUndefined();
    expect(progress.read({ id: 'b', status: 'Pull complete' })).toBe(
      'Pulling image app:v1: 1.0 MB of 4.0 MB (25%), 1 of 2 layers',
    );
  });

  it('says nothing of lines that are no layer', () => {
    expect(createPullProgress('app').read({ status: 'Digest: sha256:abc' })).toBeUndefined();
    expect(createPullProgress('app').read({ id: 'v1', status: 'Pulling from app' })).toBeUndefined();
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [123_456_789, '123.5 MB'],
    [5e12, '5000.0 GB'],
  ])('%i is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
