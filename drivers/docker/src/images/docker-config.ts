import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Logger } from '@opensandbox/base';
import { z } from 'zod';
import type { DockerEnvironment } from '../deps.ts';
import { runCredentialHelper } from './credential-helper.ts';
import type { DefaultRegistry } from './default-registry.ts';
import type { Credentials } from './registry-auth.ts';

/** The parts of the Docker CLI's configuration that hold credentials. */
const cliConfig = z.object({
  auths: z
    .record(z.string(), z.object({ auth: z.string().optional(), identitytoken: z.string().optional() }))
    .default({}),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).default({}),
});
export type CliConfig = z.infer<typeof cliConfig>;

export interface CredentialDeps {
  readonly env: DockerEnvironment;
  readonly log: Logger;
  readonly clock: Clock;
  readonly defaultRegistry: DefaultRegistry;
}

/** A registry, as the CLI's configuration names it. */
export interface LoginPlace {
  /** What the CLI files a login under and hands to a credential helper. */
  readonly server: string;
  /** Hosts that mean the same registry. */
  readonly hosts: readonly string[];
}

/**
 * Credentials that `docker login` left for a registry, if any; `undefined` is the engine's default registry. Read
 * afresh each time: logins come and go.
 */
export async function readCliCredentials(
  registry: string | undefined,
  deps: CredentialDeps,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const config = await readCliConfig(deps);
  if (config === undefined) return undefined;
  const place = placeOf(registry, await deps.defaultRegistry(signal));
  if (place === undefined) return undefined;
  const helper = chooseHelper(config, place);
  if (helper === undefined) return findLogin(config, place);
  return runCredentialHelper({ helper, server: place.server, ...deps }, signal);
}

/**
 * Where a registry's login is filed. The default registry is filed under its whole address; in references it goes
 * by the address's host, with or without the leading `index.`.
 */
export function placeOf(
  registry: string | undefined,
  defaultAddress: string | undefined,
): LoginPlace | undefined {
  const indexHost = defaultAddress === undefined ? undefined : hostOf(defaultAddress);
  if (defaultAddress !== undefined && indexHost !== undefined) {
    const hosts = [indexHost, indexHost.replace(/^index\./, '')];
    if (registry === undefined || hosts.includes(registry)) return { server: defaultAddress, hosts };
  }
  return registry === undefined ? undefined : { server: registry, hosts: [registry] };
}

async function readCliConfig({ env, log }: CredentialDeps): Promise<CliConfig | undefined> {
  const directory = env.DOCKER_CONFIG ?? (env.HOME === undefined ? undefined : join(env.HOME, '.docker'));
  if (directory === undefined || directory === '') return undefined;
  const text = await readFile(join(directory, 'config.json'), 'utf8').catch(() => undefined); // having none is usual
  if (text === undefined) return undefined;
  try {
    return cliConfig.parse(JSON.parse(text));
  } catch {
    log.warn('docker.cli_config_unreadable', { directory }); // the parser's own text could quote credentials
    return undefined;
  }
}

export function chooseHelper(config: CliConfig, { server, hosts }: LoginPlace): string | undefined {
  return firstOf(config.credHelpers, [server, ...hosts]) ?? config.credsStore;
}

/** Logins are filed under the host, with or without a scheme and a path. */
export function findLogin(config: CliConfig, { server, hosts }: LoginPlace): Credentials | undefined {
  const entry =
    firstOf(config.auths, [server, ...hosts]) ??
    Object.entries(config.auths).find(([key]) => hosts.includes(hostOf(key)))?.[1];
  if (entry?.identitytoken !== undefined && entry.identitytoken !== '') {
    return { identitytoken: entry.identitytoken };
  }
  const pair = Buffer.from(entry?.auth ?? '', 'base64')
    .toString('utf8')
    .replace(/\0+$/, '');
  const colon = pair.indexOf(':');
  return colon < 1 ? undefined : { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

function hostOf(address: string): string {
  return address.replace(/^https?:\/\//, '').split('/', 1)[0] ?? '';
}

function firstOf<T>(entries: Readonly<Record<string, T>>, keys: readonly string[]): T | undefined {
  const key = keys.find((wanted) => Object.hasOwn(entries, wanted));
  return key === undefined ? undefined : entries[key];
}
