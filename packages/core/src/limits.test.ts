import { Fault } from '@opensandbox/base';
import { sampleSpec } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { CreateSandbox } from './lifecycle/lifecycle.ts';
import { checkCreate, checkPatch } from './limits.ts';

const NOW = Date.UTC(2030, 0, 1);

function request(change: Partial<CreateSandbox>): CreateSandbox {
  return { spec: sampleSpec(), metadata: {}, timeoutSeconds: undefined, ...change };
}

function refusal(change: Partial<CreateSandbox>, max?: number): Fault {
  try {
    checkCreate(request(change), NOW, max);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  return expect.unreachable('it was accepted');
}

describe('checkCreate', () => {
  it('returns the deadline, or none for manual cleanup', () => {
    expect(checkCreate(request({ timeoutSeconds: 60 }), NOW, undefined)).toBe(NOW + 60_000);
    expect(checkCreate(request({ timeoutSeconds: 60n }), NOW, 60)).toBe(NOW + 60_000);
    expect(checkCreate(request({}), NOW, 60)).toBeUndefined();
  });

  it('reports the entrypoint first, then metadata, then the timeout', () => {
    const spec = sampleSpec({ entrypoint: [] });
    const bad = { metadata: { 'a b': '' }, timeoutSeconds: 10n ** 20n };
    expect(refusal({ ...bad, spec }).code).toBe('entrypoint.invalid');
    expect(refusal(bad).code).toBe('metadata.invalid');
    expect(refusal({ timeoutSeconds: 10n ** 20n }).code).toBe('parameter.invalid');
  });

  it.each<[number | bigint, number | undefined, string]>([
    [86_401, 86_400, 'Sandbox timeout 86401s exceeds configured maximum of 86400s.'],
    [10n ** 20n, undefined, 'Sandbox timeout 100000000000000000000s is too large to represent safely.'],
    [10n ** 20n, 86_400, 'Sandbox timeout 100000000000000000000s is too large to represent safely.'],
    [10n ** 400n, undefined, `Sandbox timeout 1${'0'.repeat(400)}s is too large to represent safely.`],
  ])('refuses the timeout %s with a maximum of %s', (timeoutSeconds, max, message) => {
    expect(refusal({ timeoutSeconds }, max)).toMatchObject({
      kind: 'invalid',
      code: 'parameter.invalid',
      message,
    });
  });

  it('accepts a timeout that ends in the last second of the year 9999', () => {
    const timeoutSeconds = Math.floor((Date.UTC(9999, 11, 31, 23, 59, 59) - NOW) / 1000);
    expect(checkCreate(request({ timeoutSeconds }), NOW, undefined)).toBe(Date.UTC(9999, 11, 31, 23, 59, 59));
    expect(refusal({ timeoutSeconds: timeoutSeconds + 1 }).code).toBe('parameter.invalid');
  });

  it.each([
    ['a', ''],
    ['A', 'x'],
    ['a.b_c-d', 'v1.2_3-4'],
    ['example.com/name', 'x'],
    ['a'.repeat(63), 'b'.repeat(63)],
    [`${'a'.repeat(253)}/x`, ''],
    ['constructor', 'x'],
  ])('accepts the metadata %s=%s', (key, value) => {
    expect(checkCreate(request({ metadata: { [key]: value } }), NOW, undefined)).toBeUndefined();
  });

  it.each(
    [
      '',
      '-a',
      'a-',
      'a b',
      'a\n',
      'ä',
      'a'.repeat(64),
      '/a',
      'a/',
      'a/b/c',
      'Example.com/a',
      'a..b/c',
      '-a/b',
      `${'a'.repeat(254)}/x`,
      'opensandbox.io',
    ].filter((key) => key !== 'opensandbox.io'),
  )('refuses the metadata key %j', (key) => {
    const fault = refusal({ metadata: { [key]: 'x' } });
    expect(fault.message).toBe(
      `Metadata key '${key}' is invalid: must be either a name or a DNS-subdomain prefix and name separated by /, ` +
        'where the name is up to 63 characters and matches [A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?, and the ' +
        'optional prefix is a valid DNS subdomain up to 253 characters.',
    );
  });

  it.each(['Test Sandbox', '-', 'a-', '.a', 'a\n', 'a'.repeat(64), 'a/b', 'ä'])(
    'refuses the metadata value %j',
    (value) => {
      expect(refusal({ metadata: { a: value } }).message).toBe(
        `Metadata value '${value}' is invalid: must be 63 characters or less, start/end with an alphanumeric ` +
          "character, and contain only alphanumeric, '-', '_', or '.' characters.",
      );
    },
  );

  it('refuses the reserved prefix', () => {
    expect(refusal({ metadata: { 'opensandbox.io/x': '1' } })).toMatchObject({
      code: 'metadata.invalid',
      message:
        "Metadata key 'opensandbox.io/x' uses the reserved prefix 'opensandbox.io/'. Keys under this prefix are " +
        'managed by the system and cannot be set via metadata.',
    });
  });

  it('is not slow on hostile text', () => {
    expect(refusal({ metadata: { [`${'a.'.repeat(50_000)}!/x`]: '1' } }).code).toBe('metadata.invalid');
  });
});

describe('checkPatch', () => {
  it('refuses a reserved key even to delete it, before any other problem', () => {
    expect(() => checkPatch({ 'a b': '1', 'opensandbox.io/x': undefined })).toThrow(
      "Metadata key 'opensandbox.io/x' is reserved (opensandbox.io/ prefix).",
    );
  });

  it('does not look at keys that are only deleted', () => {
    expect(() => checkPatch({ 'a b': undefined, a: '1' })).not.toThrow();
    expect(() => checkPatch({ 'a b': '1' })).toThrow('is invalid');
  });
});
