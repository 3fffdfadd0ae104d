import { isIP } from 'node:net';
import { delimiter, join } from 'node:path';

/** Where the address of the API server and the credentials come from. */
export type ConfigSource =
  | {
      readonly from: 'files';
      /** Merged; the first one that says something wins. */
      readonly paths: readonly string[];
      /** Instead of the current context. */
      readonly context?: string | undefined;
    }
  | { readonly from: 'service_account'; readonly server: string; readonly directory: string };

export interface SourceInput {
  /** A path, or several as in the variable KUBECONFIG. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exists: (path: string) => boolean;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * What is named wins, then the variable KUBECONFIG, then the service account of the pod, then the file in the home
 * directory. Undefined when there is none of them.
 */
export function chooseConfigSource(input: SourceInput): ConfigSource | undefined {
  const { env, exists, context } = input;
  const home = env['HOME'] ?? '/';
  const named = [input.kubeconfig, env['KUBECONFIG']].find((paths) => paths !== undefined && paths !== '');
  if (named !== undefined) {
    const paths = named.split(delimiter).filter((path) => path !== '');
    return { from: 'files', paths: paths.map((path) => expandHome(path, home)), context };
  }
  const server = serverOfPod(env);
  if (server !== undefined && exists(join(SERVICE_ACCOUNT, 'token')))
    return { from: 'service_account', server, directory: SERVICE_ACCOUNT };
  const own = join(home, '.kube', 'config');
  return exists(own) ? { from: 'files', paths: [own], context } : undefined;
}

function serverOfPod(env: SourceInput['env']): string | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (host === undefined || host === '') return undefined;
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  return `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

function expandHome(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path;
}
