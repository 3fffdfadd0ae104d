import type { ConfigDocument } from './schema.ts';

/** `~` and `~/…` as the home directory; everything else as it is. */
export function expandHome(path: string, homeDir: string): string {
  return path === '~' || path.startsWith('~/') ? `${homeDir}${path.slice(1)}` : path;
}

/** The same configuration with every file path expanded and log files named. */
export function expandPaths<Docker>(
  document: ConfigDocument<Docker>,
  homeDir: string,
): ConfigDocument<Docker> {
  const expand = (path: string): string => expandHome(path, homeDir);
  const optional = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : expand(path);
  const { log, store, kubernetes } = document;
  return {
    ...document,
    log: {
      ...log,
      filePath: expand(log.filePath ?? '~/logs/opensandbox/server.log'),
      accessFilePath: expand(log.accessFilePath ?? '~/logs/opensandbox/access.log'),
    },
    store: { ...store, path: expand(store.path) },
    kubernetes: {
      ...kubernetes,
      kubeconfigPath: optional(kubernetes.kubeconfigPath),
      batchsandboxTemplateFile: optional(kubernetes.batchsandboxTemplateFile),
    },
  };
}
