import { describe, expect, it } from 'vitest';
import { readHelperAnswer } from './credential-helper.ts';
import { chooseHelper, findLogin, placeOf } from './docker-config.ts';
import type { CliConfig } from './docker-config.ts';
import { formatRegistryAuth } from './registry-auth.ts';

const login = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

const DEFAULT = 'https://index.registry.example/v1/';

describe('placeOf', () => {
  const place = { server: DEFAULT, hosts: ['index.registry.example', 'registry.example'] };

  it.each([
    [undefined, DEFAULT, place],
    ['registry.example', DEFAULT, place],
    ['index.registry.example', DEFAULT, place],
    ['other.example', DEFAULT, { server: 'other.example', hosts: ['other.example'] }],
    ['sub.registry.example', DEFAULT, { server: 'sub.registry.example', hosts: ['sub.registry.example'] }],
    ['other.example', undefined, { server: 'other.example', hosts: ['other.example'] }],
    [undefined, undefined, undefined],
  ])('of %s where the default is %s', (registry, address, expected) => {
    expect(placeOf(registry, address)).toEqual(expected);
  });
});

describe('findLogin', () => {
  const config = {
    credHelpers: {},
    auths: {
      [DEFAULT]: login('someone:one'),
      'own.example:5000': login('someone:with:colons'),
      'https://token.example/v2/': { identitytoken: 'token' },
      'empty.example': {},
    },
  };
  const find = (auths: CliConfig['auths'], registry: string | undefined) => {
    const place = placeOf(registry, DEFAULT);
    return place === undefined ? undefined : findLogin({ ...config, auths }, place);
  };

  it.each([
    [undefined, { username: 'someone', password: 'one' }],
    ['registry.example', { username: 'someone', password: 'one' }],
    ['own.example:5000', { username: 'someone', password: 'with:colons' }],
    ['token.example', { identitytoken: 'token' }],
    ['empty.example', undefined],
    ['other.example', undefined],
  ])('for %s', (registry, credentials) => {
    expect(find(config.auths, registry)).toEqual(credentials);
  });

  it.each([
    'registry.example',
    'index.registry.example',
    'https://index.registry.example/v1',
    'http://registry.example',
  ])('finds the default registry filed under %s', (key) => {
    expect(find({ [key]: login('a:b') }, undefined)).toEqual({ username: 'a', password: 'b' });
  });
});

describe('chooseHelper', () => {
  const choose = (credHelpers: Record<string, string>, registry: string | undefined) => {
    const place = placeOf(registry, DEFAULT) ?? { server: '', hosts: [] };
    return chooseHelper({ auths: {}, credsStore: 'store', credHelpers }, place);
  };

  it('prefers the helper of the registry', () => {
    expect(choose({ 'a.example': 'special' }, 'a.example')).toBe('special');
    expect(choose({ 'a.example': 'special' }, 'b.example')).toBe('store');
  });

  it.each([DEFAULT, 'registry.example', 'index.registry.example'])(
    'knows the default registry by %s',
    (key) => {
      expect(choose({ [key]: 'special' }, undefined)).toBe('special');
    },
  );
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
