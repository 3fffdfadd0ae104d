import { describe, expect, it } from 'vitest';
import { LATEST_EXPIRY, formatExpiry, parseExpiry } from './expiry-text.ts';
import { formatRouteLabel } from './format-route.ts';
import { createKeyRing } from './key-ring.ts';

const bytes = (length: number, at: (index: number) => number) =>
  Buffer.from(Uint8Array.from({ length }, (_, index) => at(index)));

describe('formatExpiry', () => {
  it.each<[bigint, string]>([
    [0n, '0'],
    [1n, '1'],
    [35n, 'z'],
    [36n, '10'],
    [2_000_000_000n, 'x2qxvk'],
    [LATEST_EXPIRY, '3w5e11264sgsf'],
  ])('writes %s as %s, and parseExpiry reads it', (seconds, text) => {
    expect(formatExpiry(seconds)).toBe(text);
    expect(parseExpiry(text)).toBe(seconds);
  });

  it.each([-1n, LATEST_EXPIRY + 1n])('refuses %s', (seconds) => {
    expect(() => formatExpiry(seconds)).toThrow(RangeError);
  });
});

describe('parseExpiry', () => {
  it.each([
    '3w5e11264sgsg',
    'zzzzzzzzzzzzz',
    '01',
    'X2QXVK',
    '0'.repeat(14),
    '',
    ' 1',
    '1\n',
    '-1',
    '1.5',
    'é',
  ])('refuses %j', (text) => {
    expect(parseExpiry(text)).toBeUndefined();
  });
});

interface Vector {
  readonly secret: Buffer;
  readonly keyId: string;
  readonly id: string;
  readonly port: number;
  readonly expires: bigint;
  readonly token: string;
}

const OTHER = Buffer.from('my-base64-decoded-secret!');
const VECTORS: readonly Vector[] = [
  {
    secret: Buffer.from('my-test-secret'),
    keyId: 'a',
    id: 'sbx-001',
    port: 8080,
    expires: 2_000_000_000n,
    token: 'sbx-001-8080-x2qxvk-0ff8cd39a',
  },
  {
    secret: bytes(32, (index) => index),
    keyId: 'k',
    id: 'my-sandbox',
    port: 44772,
    expires: 4_102_444_800n,
    token: 'my-sandbox-44772-1vuhmo0-d096b895k',
  },
  {
    secret: Buffer.from('rotated-key-2'),
    keyId: '7',
    id: 'a1b2c3d4-e5f6-4711-8899-aabbccddeeff',
    port: 3000,
    expires: 1_893_456_000n,
    token: 'a1b2c3d4-e5f6-4711-8899-aabbccddeeff-3000-vbbc00-fb948d047',
  },
  { secret: Buffer.from([0]), keyId: 'z', id: 's', port: 1, expires: 0n, token: 's-1-0-3267ab1dz' },
  {
    secret: bytes(64, () => 255),
    keyId: '0',
    id: 'sandbox_沙',
    port: 65535,
    expires: LATEST_EXPIRY,
    token: 'sandbox_沙-65535-3w5e11264sgsf-d7bb26e80',
  },
  {
    secret: Buffer.from('my-test-secret'),
    keyId: 'a',
    id: 'sbx-001',
    port: 8080,
    expires: 2_000_000_500n,
    token: 'sbx-001-8080-x2qy9g-f87b1265a',
  },
  {
    secret: OTHER,
    keyId: 'a',
    id: 'run',
    port: 8080,
    expires: 2_000_000_000n,
    token: 'run-8080-x2qxvk-f34a862fa',
  },
  {
    secret: OTHER,
    keyId: 'a',
    id: 'run',
    port: 18080,
    expires: 2_000_000_000n,
    token: 'run-18080-x2qxvk-37c2e70ca',
  },
  {
    secret: OTHER,
    keyId: 'a',
    id: 'run',
    port: 8080,
    expires: LATEST_EXPIRY,
    token: 'run-8080-3w5e11264sgsf-c3acecd7a',
  },
];

describe('a key ring', () => {
  it.each(VECTORS)(
    'signs $token as published, and verifies it',
    ({ secret, keyId, id, port, expires, token }) => {
      const ring = createKeyRing(new Map([[keyId, secret]]));
      const claim = { sandboxId: id, port };
      const proof = ring.sign(keyId, claim, { expires });
      expect(formatRouteLabel(claim, proof)).toBe(token);
      expect(ring.verify(claim, proof, expires)).toBe('valid');
    },
  );

  const ring = createKeyRing(
    new Map([
      ['a', Buffer.from('one')],
      ['b', Buffer.from('two')],
    ]),
  );
  const claim = { sandboxId: 'box-1', port: 8080 };

  it.each(['short', 'long'] as const)(
    'verifies a %s signature of any of its keys up to its second',
    (form) => {
      for (const keyId of ring.keyIds) {
        const proof = ring.sign(keyId, claim, { expires: 100n, form });
        expect(ring.verify(claim, proof, 99n)).toBe('valid');
        expect(ring.verify(claim, proof, 100n)).toBe('valid');
        expect(ring.verify(claim, proof, 101n)).toBe('expired');
      }
    },
  );

  it.each(['short', 'long'] as const)(
    'binds a %s signature to the sandbox, the port, the expiry and the key',
    (form) => {
      const { expiry, signature } = ring.sign('a', claim, { expires: 100n, form });
      const other = `${signature.slice(0, -1)}b`;
      expect(ring.verify({ ...claim, sandboxId: 'box-2' }, { expiry, signature }, 1n)).toBe('mismatch');
      expect(ring.verify({ ...claim, port: 8081 }, { expiry, signature }, 1n)).toBe('mismatch');
      expect(ring.verify(claim, { expiry: '2t', signature }, 1n)).toBe('mismatch');
      expect(ring.verify(claim, { expiry, signature: other }, 1n)).toBe('mismatch');
    },
  );

  it('writes the long form with 128 bits and a mark of its own', () => {
    expect(ring.sign('a', claim, { expires: 100n, form: 'long' }).signature).toMatch(/^v2[0-9a-f]{32}a$/);
  });

  it('looks at the expiry before the key, and at the format before both', () => {
    const { expiry, signature } = ring.sign('a', claim, { expires: 100n });
    const unknown = `${signature.slice(0, -1)}z`;
    expect(ring.verify(claim, { expiry, signature: unknown }, 1n)).toBe('unknown_key');
    expect(ring.verify(claim, { expiry, signature: unknown }, 101n)).toBe('expired');
    expect(ring.verify(claim, { expiry, signature: signature.toUpperCase() }, 101n)).toBe('malformed');
    expect(ring.verify(claim, { expiry: '02s', signature }, 1n)).toBe('malformed');
  });

  it('names the keys it has when it is to sign with another one', () => {
    expect(() => ring.sign('c', claim, { expires: 1n })).toThrow("There is no key 'c'. Known keys: a, b.");
  });
});
