import { Fault } from '@opensandbox/base';
import { formatExpiry, parseExpiry } from './expiry-text.ts';
import {
  type SignatureForm,
  type SignedClaim,
  computeSignature,
  keyIdOf,
  sameText,
  signatureForm,
} from './signature.ts';

/** The part of a route that proves a right to it. */
export interface RouteSignature {
  readonly expiry: string;
  readonly signature: string;
}

export interface RouteClaim {
  readonly sandboxId: string;
  readonly port: number;
}

export type Verdict = 'valid' | 'malformed' | 'expired' | 'unknown_key' | 'mismatch';

/** Keys by their one-character id: any of them verifies, one signs. */
export interface KeyRing {
  readonly keyIds: readonly string[];
  /** Throws a Fault (`invalid`, `route.key_unknown`) for a key that is not there. */
  sign(keyId: string, claim: RouteClaim, terms: { expires: bigint; form?: SignatureForm }): RouteSignature;
  /** `nowSeconds` is Unix time; a route is good up to and in the second that it names. */
  verify(claim: RouteClaim, proof: RouteSignature, nowSeconds: bigint): Verdict;
}

export function createKeyRing(keys: ReadonlyMap<string, Uint8Array>): KeyRing {
  return {
    keyIds: [...keys.keys()],
    sign(keyId, claim, { expires, form = 'short' }) {
      const secret = keys.get(keyId);
      if (secret === undefined) {
        const known = [...keys.keys()].join(', ');
        throw new Fault('invalid', 'route.key_unknown', `There is no key '${keyId}'. Known keys: ${known}.`);
      }
      const signed: SignedClaim = { ...claim, expiry: formatExpiry(expires) };
      return { expiry: signed.expiry, signature: computeSignature(secret, signed, form) + keyId };
    },
    verify(claim, { expiry, signature }, nowSeconds) {
      const form = signatureForm(signature);
      const expires = parseExpiry(expiry);
      if (form === undefined || expires === undefined) return 'malformed';
      if (nowSeconds > expires) return 'expired';
      const secret = keys.get(keyIdOf(signature));
      if (secret === undefined) return 'unknown_key';
      const expected = computeSignature(secret, { ...claim, expiry }, form);
      return sameText(expected, signature.slice(0, -1)) ? 'valid' : 'mismatch';
    },
  };
}
