import { createKeyRing } from '@opensandbox/route-tokens';
import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createGatekeeper } from './gatekeeper.ts';

const keys = createKeyRing(new Map([['a', Buffer.from('secret')]]));
const limit = { guesses: 3, windowMs: 60_000, sandboxes: 100 };

function admission() {
  const gatekeeper = createGatekeeper({ rule: 'secured', keys: () => keys, limit, clock: new FakeClock() });
  return (sandboxId: string, signature: string, knownAs?: string): string => {
    const route = { sandboxId, port: 80, proof: { expiry: 'zzzzzz', signature } };
    try {
      return gatekeeper.admit(route, { accessToken: 'token', presented: undefined, knownAs });
    } catch (error) {
      return (error as { readonly code: string }).code;
    }
  };
}

describe('a gatekeeper', () => {
  it('counts the guesses of all ids that stand for one sandbox together', () => {
    const admit = admission();
    const ids = ['box', 'Box', 'BOX', 'box--', 'bOx'];
    expect(ids.map((id, at) => admit(id, `0000000${at}a`, 'box'))).toEqual([
      'access.mismatch',
      'access.mismatch',
      'access.mismatch',
      'access.too_many_guesses',
      'access.too_many_guesses',
    ]);
    expect(admit('Box', '00000009a', 'another')).toBe('access.mismatch');
  });

  it('counts for each sandbox by itself where ids are names', () => {
    const admit = admission();
    for (let at = 0; at < 4; at += 1) admit('box', `0000000${at}a`);
    expect(admit('box', '00000009a')).toBe('access.too_many_guesses');
    expect(admit('other', '00000009a')).toBe('access.mismatch');
  });
});
