import { isIP } from 'node:net';
import type { KubernetesObject } from '@opensandbox/kubernetes';

/** What is kept of an object of the cluster. */
export interface SeenSandbox {
  /** Where its ports are dialled; undefined while it is not ready. */
  readonly host: string | undefined;
  /** Why it is not, in a few words that clients may see; `''` when it is. */
  readonly problem: string;
  readonly accessToken: string | undefined;
}

const ACCESS_TOKEN = 'opensandbox.io/secure-access-token';
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** `host` is what the cluster wrote, or undefined where it wrote nothing. */
export function seenSandbox(
  object: KubernetesObject,
  isReady: boolean,
  host: string | undefined,
): SeenSandbox {
  const token = object.metadata.annotations?.[ACCESS_TOKEN]?.trim() ?? '';
  const accessToken = token === '' ? undefined : token;
  const address = host === undefined ? undefined : plainHost(host);
  if (!isReady) return { host: undefined, problem: 'it has not started', accessToken };
  if (address === undefined) return { host: undefined, problem: 'it has no address', accessToken };
  return { host: address, problem: '', accessToken };
}

/** An address or a name and nothing else: neither a port nor a path gets in. IPv6 comes with and without brackets. */
export function plainHost(text: string): string | undefined {
  const host = text.trim().replace(/^\[(.*)\]$/, '$1');
  return isIP(host) !== 0 || HOST_NAME.test(host) ? host : undefined;
}
