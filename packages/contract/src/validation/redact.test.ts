import { describe, expect, it } from 'vitest';
import { redactInput } from './redact.ts';

describe('redactInput', () => {
  it('masks the leaves under secret members and keeps the shape', () => {
    const body = {
      image: { uri: 'a', auth: { username: 'u', password: 'p', extra: [1, null] } },
      env: { A: 'x', B: null },
      volumes: [{ ossfs: { bucket: 'b', access_key_id: 'i', accessKeySecret: 's' } }],
      timeout: 60,
    };
    expect(redactInput(body, [])).toEqual({
      image: { uri: 'a', auth: { username: '***', password: '***', extra: ['***', null] } },
      env: { A: '***', B: null },
      volumes: [{ ossfs: { bucket: 'b', access_key_id: '***', accessKeySecret: '***' } }],
      timeout: 60,
    });
  });

  it('masks a value by its place', () => {
    expect(redactInput(5, ['env', 'A'])).toBe('***');
    expect(redactInput('x', ['image', 'auth'])).toBe('***');
    expect(redactInput('x', ['image', 'uri'])).toBe('x');
  });

  it('masks a body sent as text when it may hold a secret', () => {
    expect(redactInput('{"image":{"auth":{"password":"p"}}}', [])).toBe('***');
    expect(redactInput('hello', [])).toBe('hello');
  });

  it('leaves nothing that JSON cannot say', () => {
    expect(redactInput([10n ** 20n, Number.POSITIVE_INFINITY, undefined], [])).toEqual([
      1e20,
      'Infinity',
      null,
    ]);
  });
});
