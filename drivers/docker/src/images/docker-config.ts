import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Logger } from '@opensandbox/base';
import { z } from 'zod';
import type { DockerEnvironment } from '../deps.ts';
import { runCredentialHelper } from './credential-helper.ts';
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

const HUB_KEY = 'https://index.docker.io/v1/';

export interface CredentialDeps {
  readonly env: DockerEnvironment;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Credentials that `docker login` left for a registry, if any. Read afresh each time: logins come and go. */
export async function readCliCredentials(
  registry: string,
  deps: CredentialDeps,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const config = await readCliConfig(deps);
  if (config === undefined) return undefined;
  const helper = chooseHelper(config, registry);
  if (helper === undefined) return findLogin(config, registry);
  return runCredentialHelper({ helper, server: serverKey(registry), ...deps }, signal);
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

export function chooseHelper(config: CliConfig, registry: string): string | undefined {
  return config.credHelpers[registry] ?? config.credHelpers[serverKey(registry)] ?? config.credsStore;
}

/** Logins are filed under the host, with or without a scheme and a path. */
export function findLogin(config: CliConfig, registry: string): Credentials | undefined {
  const wanted = registry === 'docker.io' ? 'index.docker.io' : registry;
  const hostOf = (key: string): string => key.replace(/^https?:\/\//, '').split('/', 1)[0] ?? '';
  const entry =
    config.auths[registry] ?? Object.entries(config.auths).find(([key]) => hostOf(key) === wanted)?.[1];
  if (entry?.identitytoken !== undefined && entry.identitytoken !== '') {
    return { identitytoken: entry.identitytoken };
  }
  const pair = Buffer.from(entry?.auth ?? '', 'base64')
    .toString('utf8')
    .replace(/\0+$/, '');
  const colon = pair.indexOf(':');
  return colon < 1 ? undefined : { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

function serverKey(registry: string): string {
  return registry === 'docker.io' ? HUB_KEY : registry;
}
