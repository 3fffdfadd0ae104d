import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { faultToAnswer } from './wire-faults.ts';
import { formatPlainAnswer } from './wire-text.ts';

describe('faultToAnswer', () => {
  it.each([
    [new Fault('invalid', 'route.invalid', 'invalid ingress route: x'), 400, 'invalid ingress route: x'],
    [
      new Fault('unauthenticated', 'access.expired', 'signature: access expired'),
      401,
      'signature: access expired',
    ],
    [new Fault('not_found', 'sandbox.not_found', 'sandbox not found: x'), 404, 'sandbox not found: x'],
    [new Fault('exhausted', 'access.too_many_guesses', 'later'), 429, 'later'],
    [new Fault('conflict', 'sandbox.ambiguous', 'two'), 502, 'two'],
    [new Fault('unavailable', 'proxy.unreachable', 'nothing listens'), 502, 'nothing listens'],
    [new Fault('unavailable', 'source.away', 'away'), 502, 'away'],
    [new Fault('unavailable', 'sandbox.not_ready', 'starting'), 503, 'starting'],
    [new Fault('unavailable', 'access.no_keys', 'no keys'), 503, 'no keys'],
    [new Fault('timeout', 'proxy.timeout', 'slow'), 504, 'slow'],
    [
      new Fault('internal', 'source.unexpected', 'secret detail'),
      502,
      'the gateway could not handle the request',
    ],
    [new Fault('internal', 'internal.unexpected', 'defect'), 500, 'the gateway could not handle the request'],
  ])('of %s is %i', (fault, status, text) => {
    const answer = faultToAnswer(fault);
    expect(answer).toMatchObject({ status, body: `OpenSandbox Ingress: ${text}\n` });
    expect(answer.headers['Content-Length']).toBe(String(Buffer.byteLength(answer.body)));
  });

  it('says when to come back', () => {
    const fault = new Fault('exhausted', 'access.too_many_guesses', 'later', { retryAfterMs: 1500 });
    expect(faultToAnswer(fault).headers['Retry-After']).toBe('2');
  });

  it('is the last answer on a connection that has left HTTP', () => {
    const text = formatPlainAnswer(faultToAnswer(new Fault('timeout', 'proxy.timeout', 'slow')));
    expect(text).toMatch(
      /^HTTP\/1\.1 504 Gateway Timeout\r\n[^]*\r\nConnection: close\r\n\r\nOpenSandbox Ingress: slow\n$/,
    );
  });
});
