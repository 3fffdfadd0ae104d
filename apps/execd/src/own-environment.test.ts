import { describe, expect, it } from 'vitest';
import { tokenCheck } from './access-token.ts';
import { maskSecret, maskSecrets } from './mask-secrets.ts';
import { inheritedEnvironment } from './own-environment.ts';

describe('inheritedEnvironment', () => {
  it('keeps what speaks to the agent and gives back what was held', () => {
    const own = {
      EXECD_ACCESS_TOKEN: 'secret',
      _EXECD_CLONE3_COMPAT_APPLIED: '1',
      EXECD_ENVS: '/x',
      JUPYTER_TOKEN: 'j',
      OPENSANDBOX_HELD_LD_PRELOAD: '/lib/a.so',
      OPENSANDBOX_ID: 'id',
    };
    expect(inheritedEnvironment(own)).toEqual({
      EXECD_ENVS: '/x',
      JUPYTER_TOKEN: 'j',
      LD_PRELOAD: '/lib/a.so',
      OPENSANDBOX_ID: 'id',
    });
  });
});

describe('maskSecrets', () => {
  it.each([
    ['git clone https://me:hunter2@host/x', 'git clone https://me:****@host/x'],
    ["curl -H 'Authorization: Bearer abcdefghijkl'", "curl -H 'Authorization: Bearer abcd****ijkl'"],
    ['tool --token=abcdefghijkl --password short', 'tool --token=abcd****ijkl --password ****'],
    ['MY_TOKEN=abcdefghijkl cmd', 'MY_TOKEN=abcd****ijkl cmd'],
    ['use LTAI12345678abcd here', 'use LTAI****abcd here'],
    ['echo plain --port 80', 'echo plain --port 80'],
  ])('logs %s as %s', (command, masked) => {
    expect(maskSecrets(command)).toBe(masked);
  });

  it.each([
    ['MY_SECRET_TOKEN_OF_THE_SERVICE="abcdefghijkl"', 'MY_SECRET_TOKEN_OF_THE_SERVICE="abcd****ijkl"'],
    ['postgres+psycopg://u:hunter2@h a.b-c://u:pw@h', 'postgres+psycopg://u:****@h a.b-c://u:****@h'],
  ])('finds the secret behind a long name in %s', (command, masked) => {
    expect(maskSecrets(command)).toBe(masked);
  });

  it.each(['a.', 'TOKEN', 'a://b:', '--token ', 'authorization: ', 'AKIA', 'secret_'])(
    'takes no longer over %s for being repeated: the agent answers nobody meanwhile',
    (piece) => {
      const command = piece.repeat(120_000 / piece.length);
      const start = performance.now();
      maskSecrets(command);
      expect(performance.now() - start).toBeLessThan(1000);
    },
  );

  it('shows nothing of a short secret', () => {
    expect([maskSecret('12345678'), maskSecret('123456789')]).toEqual(['****', '1234****6789']);
  });
});

describe('tokenCheck', () => {
  it('wants exactly the token, if there is one', () => {
    const check = tokenCheck('abc');
    expect([check('abc'), check('abcd'), check(''), check(null)]).toEqual([true, false, false, false]);
    expect(tokenCheck('')(null)).toBe(true);
  });
});
