import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from './secret.ts';

describe('Secret', () => {
  it('shows itself in no printed form', () => {
    const secret = new Secret('hunter2');
    const printed = [
      secret.toString(),
      JSON.stringify({ secret }),
      inspect({ nested: { secret } }, { depth: 5, showHidden: true }),
      String(Object.values(secret)),
    ];
    expect(printed.filter((text) => text.includes('hunter2'))).toEqual([]);
    expect(secret.reveal()).toBe('hunter2');
  });
});
