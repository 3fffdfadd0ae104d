import { type Clock, Fault } from '@opensandbox/base';
import { type KeyRing, type Route, signatureForm } from '@opensandbox/route-tokens';
import { type Access, type AccessRule, type Refusal, decideAccess, refusalFault } from './decide-access.ts';
import { type GuessLimitOptions, createGuessLimit } from './guess-limit.ts';

export interface GatekeeperDeps {
  readonly rule: AccessRule;
  /** Read anew for every request: keys change while the gateway runs. */
  readonly keys: () => KeyRing | undefined;
  readonly limit: GuessLimitOptions;
  readonly clock: Clock;
}

/** Lets requests to a sandbox pass, or throws the Fault that its client is told. */
export interface Gatekeeper {
  admit(route: Route, credentials: Credentials): Extract<Access, { granted: true }>['by'];
}

export interface Credentials {
  readonly accessToken: string | undefined;
  readonly presented: string | undefined;
  /** The sandbox's one name where several ids stand for it: each of them would allow as many guesses anew. */
  readonly knownAs?: string | undefined;
}

/** What a client can only get wrong by guessing, or with keys and tokens that are not these any more. */
const GUESSES: ReadonlySet<Refusal> = new Set(['token_mismatch', 'unknown_key', 'mismatch']);
/** Short signatures that were right before, and stay so while their sandbox is under attack. */
const REMEMBERED = 10_000;

export function createGatekeeper({ rule, keys, limit, clock }: GatekeeperDeps): Gatekeeper {
  // Tokens and long signatures cannot be found by trying; their failures must not lock out short signatures.
  const tokens = createGuessLimit(limit, clock);
  const signatures = createGuessLimit(limit, clock);
  const known = new Set<string>();

  function remember(proof: string): void {
    known.delete(proof);
    known.add(proof);
    const [oldest] = known;
    if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
  }

  return {
    admit(route, { accessToken, presented, knownAs = route.sandboxId }) {
      const isShort = route.proof !== undefined && signatureForm(route.proof.signature) === 'short';
      const nowSeconds = BigInt(Math.floor(clock.now() / 1000));
      const access = decideAccess({ rule, route, accessToken, presented, keys: keys(), nowSeconds });
      const isSignature = access.granted
        ? access.by === 'signature'
        : access.because === 'unknown_key' || access.because === 'mismatch';
      if (isShort && isSignature) {
        const proof = proofText(route);
        // A right guess and a wrong one get the same answer here, or guessing would go on.
        if (!known.has(proof)) refuseWhile(signatures.waitMs(knownAs));
        if (access.granted) remember(proof);
      }
      if (access.granted) return access.by;
      if (GUESSES.has(access.because)) {
        const counted = isShort && isSignature ? signatures : tokens;
        refuseWhile(counted.waitMs(knownAs));
        counted.failed(knownAs);
      }
      throw refusalFault(access.because);
    },
  };
}

function proofText({ sandboxId, port, proof }: Route): string {
  return `${sandboxId} ${port} ${proof?.expiry ?? ''} ${proof?.signature ?? ''}`;
}

function refuseWhile(waitMs: number): void {
  if (waitMs === 0) return;
  throw new Fault(
    'exhausted',
    'access.too_many_guesses',
    'signature: too many wrong credentials for this sandbox; try again later',
    { retryAfterMs: waitMs },
  );
}
