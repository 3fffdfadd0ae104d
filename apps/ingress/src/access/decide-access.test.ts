import { createKeyRing } from '@opensandbox/route-tokens';
import { describe, expect, it } from 'vitest';
import { type AccessQuestion, decideAccess, refusalFault } from './decide-access.ts';

const keys = createKeyRing(new Map([['a', Buffer.from('secret')]]));
const claim = { sandboxId: 'box', port: 80 };
const good = keys.sign('a', claim, { expires: 100n });
const wrong = { ...good, signature: '00000000a' };
const other = { ...good, signature: '00000000z' };

/** rule, token of the sandbox, header, proof, keys, now → outcome */
type Row = [
  AccessQuestion['rule'],
  string | undefined,
  string | undefined,
  typeof good | undefined,
  AccessQuestion['keys'],
  bigint,
  string,
];

describe('decideAccess', () => {
  it.each<Row>([
    ['secured', undefined, undefined, undefined, keys, 1n, 'open'],
    ['secured', ' ', 'anything', wrong, undefined, 1n, 'open'],
    ['secured', 't', undefined, undefined, keys, 1n, 'no_credential'],
    ['secured', 't', 't', undefined, undefined, 1n, 'token'],
    ['secured', ' t ', ' t ', undefined, keys, 1n, 'token'],
    ['secured', 't', 't', good, keys, 101n, 'token'],
    ['secured', 't', '', good, keys, 1n, 'token_mismatch'],
    ['secured', 't', 'T', good, keys, 1n, 'token_mismatch'],
    ['secured', 't', undefined, good, keys, 100n, 'signature'],
    ['secured', 't', undefined, good, keys, 101n, 'expired'],
    ['secured', 't', undefined, other, keys, 101n, 'expired'],
    ['secured', 't', undefined, other, keys, 1n, 'unknown_key'],
    ['secured', 't', undefined, wrong, keys, 1n, 'mismatch'],
    ['secured', 't', undefined, good, undefined, 1n, 'no_keys'],
    ['secured', 't', undefined, undefined, undefined, 1n, 'no_credential'],
    ['all', undefined, undefined, undefined, keys, 1n, 'no_credential'],
    ['all', undefined, 'anything', good, keys, 1n, 'signature'],
    ['all', undefined, undefined, wrong, keys, 1n, 'mismatch'],
    ['all', 't', 't', undefined, keys, 1n, 'token'],
    ['all', 't', 'x', good, keys, 1n, 'token_mismatch'],
  ])('with rule %s, token %j, header %j, proof %j at %s answers %s', (...row) => {
    const [rule, accessToken, presented, proof, ring, nowSeconds, outcome] = row;
    const route = { ...claim, proof };
    const access = decideAccess({ rule, route, accessToken, presented, keys: ring, nowSeconds });
    expect(access.granted ? access.by : access.because).toBe(outcome);
  });

  it('has a Fault for every refusal, and only missing keys are the fault of the gateway', () => {
    expect(refusalFault('no_keys').kind).toBe('unavailable');
    expect(refusalFault('mismatch')).toMatchObject({ kind: 'unauthenticated', code: 'access.mismatch' });
  });
});
