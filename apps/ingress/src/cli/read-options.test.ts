import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { type Flags, addFlags, withTwoDashes } from './flags.ts';
import { readOptions } from './read-options.ts';

const sources = {
  env: {} as Record<string, string>,
  readFile: (path: string) => ({ '/key': 'secret-key\n', '/kube': 'a cluster' })[path],
};

function options(args: readonly string[], env: Record<string, string> = {}) {
  const command = addFlags(new Command().exitOverride().configureOutput({ writeErr: () => undefined }));
  command.parse(withTwoDashes(args), { from: 'user' });
  return readOptions(command.opts<Flags>(), { ...sources, env: { KUBECONFIG: '/kube', ...env } });
}

describe('the flags of the gateway', () => {
  it('have the published defaults', () => {
    expect(options([])).toEqual({
      listen: { host: undefined, port: 28888 },
      admin: undefined,
      mode: 'header',
      source: { kind: 'kubernetes', workload: 'batchsandbox', cluster: expect.anything() as object },
      keys: { kind: 'none' },
      requireAccess: 'secured',
      renew: undefined,
      maxConnections: 0,
      drainMs: 15_000,
      log: { level: 'info', format: 'text' },
    });
    expect(options(['--renew-intent-enabled']).renew).toMatchObject({
      queueKey: 'opensandbox:renew:intent',
      maxLength: undefined,
      minIntervalMs: 60_000,
    });
  });

  it('may be written with one dash, and switches with a value', () => {
    const { listen, mode, renew } = options(['-port=1234', '-mode', 'uri', '-renew-intent-enabled=true']);
    expect([listen.port, mode, renew === undefined]).toEqual([1234, 'uri', false]);
    expect(options(['--renew-intent-enabled=false']).renew).toBeUndefined();
    expect(options(['--mode', 'wildcard']).mode).toBe('header');
  });

  it('take the key of the server from a file before the environment', () => {
    const server = ['--provider-type', 'server', '--server-url', 'http://server:8080/v1'];
    const keyOf = (args: readonly string[], env: Record<string, string>) => {
      const { source } = options([...server, ...args], env);
      return source.kind === 'server' ? source.apiKey?.reveal() : 'no server';
    };
    expect(keyOf([], {})).toBeUndefined();
    expect(keyOf([], { OPEN_SANDBOX_API_KEY: 'from-env' })).toBe('from-env');
    expect(keyOf(['--server-api-key-file', '/key'], { OPEN_SANDBOX_API_KEY: 'from-env' })).toBe('secret-key');
  });

  it.each<[string[], RegExp]>([
    [['--mode', 'path'], /Allowed choices are header, uri, wildcard/],
    [['--provider-type', 'pods'], /Allowed choices/],
    [['--port', '0'], /between 1 and 65535/],
    [['--port', '80x'], /whole number/],
    [['--unknown'], /unknown option/],
    [['--renew-intent-enabled=maybe'], /true or false/],
    [
      ['--renew-intent-enabled', '--renew-intent-redis-dsn', 'http://x'],
      /--renew-intent-redis-dsn must be redis/,
    ],
    [['--provider-type', 'server'], /needs --server-url/],
    [['--provider-type', 'server', '--server-url', 'server:8080'], /has to be http/],
    [['--provider-type', 'server', '--server-url', 'http://u:p@server'], /without credentials/],
    [
      ['--provider-type', 'server', '--server-url', 'https://s', '--server-way', 'proxy'],
      /needs an http:\/\/ address/,
    ],
    [
      ['--provider-type', 'server', '--server-url', 'http://s', '--server-api-key-file', '/no'],
      /holds no API key/,
    ],
    [['--secure-access-keys', 'a=YQ'], /standard base64 with padding/],
    [['--secure-access-keys', 'a=YQ==', '--secure-access-keys-file', '/f'], /Use either/],
    [['--require-access', 'all'], /needs keys/],
  ])('refuse %j', (args, message) => {
    expect(() => options(args)).toThrow(message);
  });
});
