import { Fault } from '@opensandbox/base';
import type { KeyRing, Route, Verdict } from '@opensandbox/route-tokens';
import { sameText } from '@opensandbox/route-tokens';

/** `secured`: sandboxes with a token ask for a credential; `all`: every sandbox does. */
export type AccessRule = 'secured' | 'all';

export interface AccessQuestion {
  readonly rule: AccessRule;
  readonly route: Route;
  /** What the sandbox asks for; empty text is none. */
  readonly accessToken: string | undefined;
  /** The first value of the token header, `undefined` when the header is absent. Empty text is a (wrong) token. */
  readonly presented: string | undefined;
  /** `undefined` when the gateway has no keys. */
  readonly keys: KeyRing | undefined;
  readonly nowSeconds: bigint;
}

/** `open`: nobody was asked for anything, so what looks like a proof in a path is a part of the path. */
export type Access =
  | { readonly granted: true; readonly by: 'open' | 'token' | 'signature' }
  | { readonly granted: false; readonly because: Refusal };

export type Refusal = 'no_credential' | 'token_mismatch' | 'no_keys' | Exclude<Verdict, 'valid'>;

/** Who may pass. A token that was shown decides alone: a wrong one is not made good by a signature. */
export function decideAccess(question: AccessQuestion): Access {
  const { rule, route, presented, keys, nowSeconds } = question;
  const token = question.accessToken?.trim() ?? '';
  if (token === '' && rule === 'secured') return { granted: true, by: 'open' };
  if (token !== '' && presented !== undefined) {
    return sameText(presented.trim(), token)
      ? { granted: true, by: 'token' }
      : { granted: false, because: 'token_mismatch' };
  }
  if (route.proof === undefined) return { granted: false, because: 'no_credential' };
  if (keys === undefined) return { granted: false, because: 'no_keys' };
  const verdict = keys.verify(route, route.proof, nowSeconds);
  return verdict === 'valid' ? { granted: true, by: 'signature' } : { granted: false, because: verdict };
}

const TEXTS: Readonly<Record<Refusal, string>> = {
  no_credential: 'signature: signature required for this sandbox',
  token_mismatch: 'signature: secure access header mismatch',
  no_keys: 'signature: ingress verifier not configured',
  malformed: 'signature: unauthorized: malformed signature',
  expired: 'signature: access expired',
  unknown_key: 'signature: unauthorized: unknown signed_key_id',
  mismatch: 'signature: unauthorized: signature mismatch',
};

export function refusalFault(because: Refusal): Fault {
  return because === 'no_keys'
    ? new Fault('unavailable', 'access.no_keys', TEXTS[because])
    : new Fault('unauthenticated', `access.${because}`, TEXTS[because]);
}
