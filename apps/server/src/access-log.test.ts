import { describe, expect, it } from 'vitest';
import { loggedPath } from './access-log.ts';

describe('loggedPath', () => {
  it.each([
    ['/v1/sandboxes?metadata=a%3Db', '/v1/sandboxes'],
    ['/v1/sandboxes/x/proxy/80/a/b?token=1', '/v1/sandboxes/x/proxy/80/…'],
    ['/sandboxes/x/proxy/80', '/sandboxes/x/proxy/80'],
    ['/sandboxes/x/proxy/80/', '/sandboxes/x/proxy/80/'],
    [`/${'x'.repeat(300)}`, `/${'x'.repeat(255)}…`],
  ])('shows %s as %s', (target, shown) => {
    expect(loggedPath(target)).toBe(shown);
  });
});
