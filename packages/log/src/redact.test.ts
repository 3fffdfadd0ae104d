import { describe, expect, it } from 'vitest';
import { redact, redactText } from './redact.ts';

describe('redact', () => {
  it('hides what is named like a credential, but for the name of a queue', () => {
    expect(redact({ apiKey: 'a', renew_queue_key: 'intents', tokens: 3 })).toEqual({
      apiKey: '[redacted]',
      renew_queue_key: 'intents',
      tokens: 3,
    });
  });
});

describe('redactText', () => {
  it.each([
    ['pull https://bob:s3cret@host/x failed', 'pull https://[redacted]@host/x failed'],
    ['X-Registry-Auth: abc123, next', 'X-Registry-Auth: [redacted], next'],
    ['nothing here', 'nothing here'],
  ])('makes %j of it', (text, shown) => {
    expect(redactText(text)).toBe(shown);
  });

  it('is done with megabytes of letters, which a client can put into an image name', () => {
    expect(redactText(`Failed to inspect image ${'a'.repeat(4_000_000)}`)).toBe(
      'Failed to inspect image… (4000024 characters)',
    );
  });

  it('shows no half of a credential where it cuts', () => {
    const text = `${'word '.repeat(1_636)}https://bob:${'s'.repeat(200)}@host`;
    expect(redactText(text)).not.toContain('sss');
  });
});
