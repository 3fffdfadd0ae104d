/** What decides where a server dials the host of a local engine; each probe is asked only when needed. */
export interface EngineHostInput {
  /** `docker.host_ip` */
  readonly hostIp: string | undefined;
  readonly isInContainer: () => boolean;
  /** Whether this container has the host's own network. */
  readonly sharesHostNetwork: () => boolean;
  /** IPv4 address that a name resolves to. */
  readonly addressOf: (name: string) => Promise<string | undefined>;
  /** Gateway of the default route. */
  readonly gateway: () => string | undefined;
}

/** How the address was found, for messages. */
export interface EngineHost {
  readonly address: string;
  readonly source: 'docker.host_ip' | 'host.docker.internal' | 'gateway';
}

const HOST_NAME = 'host.docker.internal';

/**
 * The address of the engine's host as seen from inside a container; `undefined` when that is this machine's own
 * loopback: outside of containers, and in a container that shares the host's network.
 */
export async function resolveEngineHost(input: EngineHostInput): Promise<EngineHost | undefined> {
  if (!input.isInContainer()) return undefined;
  if (input.hostIp !== undefined) return { address: input.hostIp, source: 'docker.host_ip' };
  if (input.sharesHostNetwork()) return undefined;
  const named = await input.addressOf(HOST_NAME);
  if (named !== undefined) return { address: named, source: HOST_NAME };
  const gateway = input.gateway();
  return gateway === undefined ? undefined : { address: gateway, source: 'gateway' };
}
