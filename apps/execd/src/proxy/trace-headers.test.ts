import { describe, expect, it } from 'vitest';
import { withOwn } from './forwarded-headers.ts';

describe('withOwn', () => {
  it('replaces what came under the same names, however they were written, and leaves the rest alone', () => {
    const sent = ['Accept', 'traceparent', 'TraceParent', 'a', 'X-Traceparent', 'b', 'traceparent', 'c'];
    expect(withOwn(sent, ['traceparent', 'ours'])).toEqual([
      'Accept',
      'traceparent',
      'X-Traceparent',
      'b',
      'traceparent',
      'ours',
    ]);
  });

  it('changes nothing when there is nothing of its own', () => {
    const sent = ['TraceParent', 'a'];
    expect(withOwn(sent, [])).toBe(sent);
  });
});
