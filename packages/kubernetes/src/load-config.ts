import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { configFault } from './faults.ts';
import type { ConfigSource } from './config-source.ts';
import { isRecord } from './resource.ts';

/** What one reading of the configuration gave. */
export interface LoadedConfig {
  readonly config: KubeConfig;
  /** The library reads such a file once, or remembers it for a minute: it is read by us. */
  readonly tokenFile: string | undefined;
}

/** Reads the configuration. The library is large, so it is loaded only by those who use a cluster. */
export async function loadConfig(source: ConfigSource): Promise<LoadedConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (source.from === 'service_account') {
    config.loadFromClusterAndUser(
      {
        name: 'cluster',
        server: source.server,
        skipTLSVerify: false,
        caFile: join(source.directory, 'ca.crt'),
      },
      { name: 'service-account' },
    );
    return { config, tokenFile: join(source.directory, 'token') };
  }
  const tokenFiles = new Map<string, string>();
  for (const path of source.paths) await mergeFile(config, path, tokenFiles);
  if (source.context !== undefined) config.setCurrentContext(source.context);
  const user = config.getCurrentUser();
  if (config.getCurrentCluster() === null || user === null)
    throw configFault(`The kubeconfig has no usable context "${config.getCurrentContext()}".`);
  return { config, tokenFile: tokenFiles.get(user.name) };
}

async function mergeFile(config: KubeConfig, path: string, tokenFiles: Map<string, string>): Promise<void> {
  const { KubeConfig, loadYaml } = await import('@kubernetes/client-node');
  try {
    const text = await readFile(path, 'utf8');
    const next = new KubeConfig();
    next.loadFromString(text);
    next.makePathsAbsolute(resolve(dirname(path)));
    addMissing(config, next);
    for (const [name, file] of tokenFilesOf(loadYaml(text)))
      if (!tokenFiles.has(name)) tokenFiles.set(name, resolve(dirname(path), file));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : 'unreadable';
    throw configFault(`The kubeconfig ${path} cannot be read: ${reason ?? ''}`, error);
  }
}

/** As kubectl does it: of two entries of one name the first wins. */
function addMissing(config: KubeConfig, next: KubeConfig): void {
  const has = (entries: readonly { readonly name: string }[] | undefined, name: string): boolean =>
    entries?.some((entry) => entry.name === name) === true;
  for (const cluster of next.getClusters())
    if (!has(config.clusters, cluster.name)) config.addCluster(cluster);
  for (const user of next.getUsers()) if (!has(config.users, user.name)) config.addUser(user);
  for (const context of next.getContexts())
    if (!has(config.contexts, context.name)) config.addContext(context);
  // Undefined before any file set it, whatever the library's types say.
  const current = config.getCurrentContext() as string | undefined;
  if (current === undefined || current === '') config.setCurrentContext(next.getCurrentContext());
}

/** By the name of the user. The library knows no `tokenFile` in a kubeconfig. */
function tokenFilesOf(kubeconfig: unknown): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const users = isRecord(kubeconfig) ? kubeconfig['users'] : undefined;
  for (const entry of Array.isArray(users) ? (users as readonly unknown[]) : []) {
    if (!isRecord(entry) || typeof entry['name'] !== 'string' || !isRecord(entry['user'])) continue;
    const file = entry['user']['tokenFile'];
    if (typeof file === 'string' && file !== '') files.set(entry['name'], file);
  }
  return files;
}
