import { describe, expect, it } from 'vitest';
import { downstreamHeaders, upstreamHeaders } from './proxy-headers.ts';

describe('upstreamHeaders', () => {
  it('replaces a forwarded header that the client declared to be for this connection', () => {
    const rawHeaders = [
      'Connection',
      'x-forwarded-for',
      'X-Forwarded-For',
      '9.9.9.9',
      'Expect',
      '100-continue',
    ];
    expect(upstreamHeaders({ rawHeaders, requestId: 'r', peer: '10.0.0.1' })).toEqual([
      ...['X-Forwarded-Proto', 'http'],
      ...['X-Forwarded-For', '10.0.0.1'],
      ...['X-Request-ID', 'r'],
    ]);
  });
});

describe('downstreamHeaders', () => {
  it('lets the headers of this server win, and both vary', () => {
    const upstream = ['X-Request-ID', 'theirs', 'Vary', 'Accept', 'Keep-Alive', 'x', 'A', '1'];
    expect(downstreamHeaders(upstream, { 'x-request-id': 'ours', vary: 'Origin' })).toEqual([
      ...['Vary', 'Accept', 'A', '1'],
      ...['x-request-id', 'ours', 'vary', 'Origin'],
    ]);
  });

  it('passes bytes beyond ASCII through', () => {
    const [, value = ''] = downstreamHeaders(['X-Name', 'é'], {});
    expect(Buffer.from(value, 'latin1').toString('utf8')).toBe('é');
  });
});
