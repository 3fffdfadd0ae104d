import { describe, expect, it } from 'vitest';
import { readHelperAnswer } from './credential-helper.ts';
import { chooseHelper, findLogin } from './docker-config.ts';
import { formatRegistryAuth } from './registry-auth.ts';

const login = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

describe('findLogin', () => {
  const config = {
    credHelpers: {},
    auths: {
      'https://index.docker.io/v1/': login('hubber:one'),
      'registry.example:5000': login('someone:with:colons'),
      'https://token.example/v2/': { identitytoken: 'token' },
      'empty.example': {},
    },
  };

  it.each([
    ['docker.io', { username: 'hubber', password: 'one' }],
    ['registry.example:5000', { username: 'someone', password: 'with:colons' }],
    ['token.example', { identitytoken: 'token' }],
    ['empty.example', undefined],
    ['other.example', undefined],
  ])('for %s', (registry, credentials) => {
    expect(findLogin(config, registry)).toEqual(credentials);
  });
});

describe('chooseHelper', () => {
  it('prefers the helper of the registry', () => {
    const config = { auths: {}, credsStore: 'store', credHelpers: { 'a.example': 'special' } };
    expect(chooseHelper(config, 'a.example')).toBe('special');
    expect(chooseHelper(config, 'b.example')).toBe('store');
  });
});

describe('readHelperAnswer', () => {
  it.each([
    ['{"Username":"u","Secret":"s"}', { username: 'u', password: 's' }],
    ['{"Username":"<token>","Secret":"t"}', { identitytoken: 't' }],
    ['{"Username":"u"}', undefined],
    ['null', undefined],
  ])('reads %s', (output, credentials) => {
    expect(readHelperAnswer(output)).toEqual(credentials);
  });
});

describe('formatRegistryAuth', () => {
  it('is URL-safe base64 with its padding', () => {
    const text = formatRegistryAuth({ username: '>>>???', password: 'ÿÿ' });
    expect(text).toMatch(/^[A-Za-z0-9_-]+=*$/);
    expect(text.length % 4).toBe(0);
    expect(JSON.parse(Buffer.from(text, 'base64url').toString())).toEqual({
      username: '>>>???',
      password: 'ÿÿ',
    });
  });
});
