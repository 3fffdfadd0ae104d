import { describe, expect, it } from 'vitest';
import { forwardedHeaders } from './forward-files.ts';

describe('forwardedHeaders', () => {
  it('lets what file operations read into the session, and no secret', () => {
    const given = new Headers({
      'X-EXECD-ACCESS-TOKEN': 't',
      Authorization: 'Bearer t',
      Cookie: 'session=t',
      'OPEN-SANDBOX-API-KEY': 't',
      Connection: 'keep-alive',
      'Content-Type': 'application/json',
      Range: 'bytes=0-1',
      'If-None-Match': '"v"',
    });
    expect(Object.fromEntries(forwardedHeaders(given))).toEqual({
      'content-type': 'application/json',
      range: 'bytes=0-1',
      'if-none-match': '"v"',
    });
  });
});
