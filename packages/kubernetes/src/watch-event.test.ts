import { describe, expect, it } from 'vitest';
import { parseWatchEvent } from './watch-event.ts';

const object = { metadata: { name: 'a', namespace: 'n', resourceVersion: '7' }, spec: {} };
const parse = (event: unknown) => parseWatchEvent(JSON.stringify(event), 'watch things');

describe('parseWatchEvent', () => {
  it.each([
    ['ADDED', 'put'],
    ['MODIFIED', 'put'],
    ['DELETED', 'gone'],
  ])('reads %s as %s', (type, expected) => {
    expect(parse({ type, object })).toEqual({ type: expected, object, version: '7' });
  });

  it('reads a bookmark, which has no name', () => {
    const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } };
    expect(parse(bookmark)).toEqual({ type: 'bookmark', version: '9' });
  });

  it.each([
    [{ code: 410, message: 'too old resource version' }, 'kubernetes.expired'],
    [{ code: 403 }, 'kubernetes.forbidden'],
    [{ code: 504, message: 'Too large resource version' }, 'kubernetes.timeout'],
    ['nonsense', 'kubernetes.failed'],
  ])('throws what an event of type ERROR says: %j', (status, code) => {
    expect(() => parse({ type: 'ERROR', object: status })).toThrow(
      expect.objectContaining({ code }) as Error,
    );
  });

  it.each([
    ['no JSON', '{'],
    ['no event', '[]'],
    ['an unknown type', JSON.stringify({ type: 'MOVED', object })],
    ['no resource version', JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'a' } } })],
    ['no name', JSON.stringify({ type: 'ADDED', object: { metadata: { resourceVersion: '1' } } })],
  ])('refuses a line with %s', (_what, line) => {
    expect(() => parseWatchEvent(line, 'watch things')).toThrow(
      expect.objectContaining({ kind: 'internal', code: 'kubernetes.failed' }) as Error,
    );
  });
});
