import { Fault, Secret } from '@opensandbox/base';
import { type ConfigSource, chooseConfigSource } from '@opensandbox/kubernetes';
import { dsnProblem } from '@opensandbox/renew-intents';
import { parseKeyList } from '@opensandbox/route-tokens';
import type { IngressOptions, KeyOptions, RenewOptions, SourceOptions } from '../options.ts';
import type { Flags } from './flags.ts';

export interface OptionSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string | undefined;
}

/** Flags as options. Throws a Fault (`invalid`, `flags.invalid`) that says what to do. */
export function readOptions(flags: Flags, sources: OptionSources): IngressOptions {
  const keys = readKeys(flags);
  if (flags.requireAccess === 'all' && keys.kind === 'none') {
    throw wrong(
      '--require-access all needs keys: add --secure-access-keys-file, or nobody could reach any sandbox.',
    );
  }
  return {
    listen: { host: flags.host, port: flags.port },
    admin: flags.adminPort === 0 ? undefined : { host: flags.adminHost, port: flags.adminPort },
    mode: flags.mode === 'uri' ? 'uri' : 'header',
    source: readSource(flags, sources),
    keys,
    requireAccess: flags.requireAccess,
    renew: readRenewal(flags),
    maxConnections: flags.maxConnections,
    drainMs: flags.drainSeconds * 1000,
    log: { level: flags.logLevel, format: flags.logFormat },
  };
}

function readSource(flags: Flags, sources: OptionSources): SourceOptions {
  if (flags.providerType !== 'server') {
    return { kind: 'kubernetes', workload: flags.providerType, cluster: readCluster(flags, sources) };
  }
  const url = parseServerUrl(flags.serverUrl);
  if (url.protocol === 'https:' && flags.serverWay === 'proxy') {
    throw wrong(
      '--server-way proxy needs an http:// address of the server: sandboxes are dialled without TLS.',
    );
  }
  const { serverWay: way, serverCacheSeconds } = flags;
  return { kind: 'server', url, apiKey: readApiKey(flags, sources), way, freshMs: serverCacheSeconds * 1000 };
}

function readCluster({ kubeconfig }: Flags, { env, readFile }: OptionSources): ConfigSource {
  const exists = (path: string): boolean => readFile(path) !== undefined;
  const cluster = chooseConfigSource({ kubeconfig, env, exists });
  if (cluster === undefined) {
    throw wrong(
      'No cluster: give --kubeconfig, set $KUBECONFIG, run in a pod with a service account, or use ' +
        '--provider-type server.',
    );
  }
  return cluster;
}

function parseServerUrl(text: string | undefined): URL {
  if (text === undefined) {
    throw wrong('--provider-type server needs --server-url, for example http://127.0.0.1:8080.');
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw wrong('--server-url has to be http(s)://host[:port], without credentials and query.');
  }
  return url;
}

function readApiKey({ serverApiKeyFile }: Flags, { env, readFile }: OptionSources): Secret | undefined {
  if (serverApiKeyFile === undefined) {
    const key = env['OPEN_SANDBOX_API_KEY']?.trim() ?? '';
    return key === '' ? undefined : new Secret(key);
  }
  const key = readFile(serverApiKeyFile)?.trim() ?? '';
  if (key === '' || /[^\x21-\x7e]/.test(key)) {
    throw wrong(`--server-api-key-file: ${serverApiKeyFile} holds no API key. Write the key alone into it.`);
  }
  return new Secret(key);
}

function readKeys({ secureAccessKeys, secureAccessKeysFile }: Flags): KeyOptions {
  if (secureAccessKeysFile !== undefined) {
    if (secureAccessKeys !== undefined && secureAccessKeys.trim() !== '') {
      throw wrong('Use either --secure-access-keys or --secure-access-keys-file.');
    }
    return { kind: 'file', path: secureAccessKeysFile };
  }
  const list = secureAccessKeys ?? '';
  return parseKeyList(list).size === 0 ? { kind: 'none' } : { kind: 'list', list: new Secret(list) };
}

function readRenewal(flags: Flags): RenewOptions | undefined {
  if (!flags.renewIntentEnabled) return undefined;
  const problem = dsnProblem(flags.renewIntentRedisDsn);
  if (problem !== undefined) throw wrong(`--renew-intent-redis-dsn ${problem}.`);
  const { renewIntentQueueKey: queueKey, renewIntentQueueMaxLen: longest } = flags;
  if (queueKey === '') throw wrong('--renew-intent-queue-key must not be empty.');
  return {
    dsn: new Secret(flags.renewIntentRedisDsn),
    queueKey,
    maxLength: longest === 0 ? undefined : longest,
    minIntervalMs: flags.renewIntentMinInterval * 1000,
  };
}

function wrong(message: string): Fault {
  return new Fault('invalid', 'flags.invalid', message);
}
