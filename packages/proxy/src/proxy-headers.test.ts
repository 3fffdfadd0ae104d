import { describe, expect, it } from 'vitest';
import { downstreamHeaders, upstreamHeaders } from './proxy-headers.ts';

describe('upstreamHeaders', () => {
  it('replaces a forwarded header that the client declared to be for this connection', () => {
    const forwarded = ['X-Forwarded-For', '9.9.9.9', 'Expect', '100-continue'];
    const rules = { dropped: new Set<string>(), added: [['X-Forwarded-For', '10.0.0.1']] as const };
    expect(upstreamHeaders(['Connection', 'x-forwarded-for', ...forwarded], rules)).toEqual([
      ...['X-Forwarded-For', '10.0.0.1'],
    ]);
    expect(upstreamHeaders(forwarded, rules)).toEqual(['X-Forwarded-For', '9.9.9.9']);
  });

  it('lets nobody else set what the proxy owns', () => {
    const rules = { dropped: new Set(['cookie']), set: ['OpenSandbox-Ingress-To', 'a-1'] };
    const sent = ['opensandbox-ingress-to', 'evil', 'Cookie', 'a=1', 'A', '1', 'A', '2'];
    expect(upstreamHeaders(sent, rules)).toEqual(['A', '1', 'A', '2', 'OpenSandbox-Ingress-To', 'a-1']);
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
});
