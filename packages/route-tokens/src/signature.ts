import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** What a signature binds: one port of one sandbox, until a moment. */
export interface SignedClaim {
  readonly sandboxId: string;
  readonly port: number;
  /** As `formatExpiry` writes it. */
  readonly expiry: string;
}

/**
 * `short` is the published form: the first 32 bits of a hash, then the id of the key. `long` carries 128 bits of an
 * HMAC and says so with its first two characters. 32 bits can be guessed by somebody who may ask often enough, so
 * whoever verifies `short` limits failures.
 */
export type SignatureForm = 'short' | 'long';

const SHORT = /^[0-9a-f]{8}[0-9a-z]$/;
const LONG = /^v2[0-9a-f]{32}[0-9a-z]$/;

export function signatureForm(text: string): SignatureForm | undefined {
  if (SHORT.test(text)) return 'short';
  return LONG.test(text) ? 'long' : undefined;
}

/** Signature and key id are one word; the key id is its last character. */
export function keyIdOf(signature: string): string {
  return signature.slice(-1);
}

/** Without the key id. */
export function computeSignature(secret: Uint8Array, claim: SignedClaim, form: SignatureForm): string {
  return form === 'short' ? shortSignature(secret, claim) : longSignature(secret, claim);
}

/** Takes the same time wherever the difference is. */
export function sameText(left: string, right: string): boolean {
  // Texts of any length become digests of one length.
  return timingSafeEqual(sha256(Buffer.from(left)), sha256(Buffer.from(right)));
}

function shortSignature(secret: Uint8Array, claim: SignedClaim): string {
  const text = canonical(['v1', 'short'], claim);
  return sha256(Buffer.concat([length(secret), secret, length(text), text]))
    .toString('hex')
    .slice(0, 8);
}

function longSignature(secret: Uint8Array, claim: SignedClaim): string {
  const mac = createHmac('sha256', secret)
    .update(canonical(['v2', 'long'], claim))
    .digest('hex');
  return `v2${mac.slice(0, 32)}`;
}

/** Every field ends with a line feed, the last one too. */
function canonical(version: readonly string[], { sandboxId, port, expiry }: SignedClaim): Buffer {
  return Buffer.from([...version, sandboxId, String(port), expiry].map((field) => `${field}\n`).join(''));
}

function length(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes.length);
  return prefix;
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
