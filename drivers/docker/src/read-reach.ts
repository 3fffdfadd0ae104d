import type { Reach } from '@opensandbox/core/ports';
import type { ContainerInspect, PortBinding } from './engine/answers.ts';
import { readPort } from './labels.ts';
import type { Labels } from './labels.ts';
import { AGENT_PORT, HTTP_PORT, LABEL } from './names.ts';

const LOOPBACK = '127.0.0.1';
const EVERY_ADDRESS = new Set(['', '0.0.0.0', '::']);

/** Where the container can be reached now. One that does not run has no ports. */
export function readReach(inspect: ContainerInspect, labels: Labels, dialHost: string): Reach {
  const mode = inspect.HostConfig?.NetworkMode ?? 'default';
  if (mode === 'host') return { kind: 'host', host: dialHost };
  const published = readPublished(inspect);
  const first = published.get(AGENT_PORT) ?? [...published.values()][0];
  const ports =
    first === undefined
      ? readLabelPorts(inspect, labels)
      : Object.fromEntries([...published].map(([port, binding]) => [port, Number(binding.HostPort)]));
  if (Object.keys(ports).length === 0) return { kind: 'none' };
  return {
    kind: 'mapped',
    host: readDialAddress(first?.HostIp ?? '', dialHost),
    ports,
    privateHost: readPrivateHost(inspect, mode),
  };
}

/** TCP ports only. IPv4 bindings win: the agent's clients dial IPv4. */
function readPublished(inspect: ContainerInspect): ReadonlyMap<number, PortBinding> {
  const published = new Map<number, PortBinding>();
  for (const [spec, bindings] of Object.entries(inspect.NetworkSettings?.Ports ?? {})) {
    const [port = '', protocol = 'tcp'] = spec.split('/');
    const usable = (bindings ?? []).filter((binding) => Number(binding.HostPort ?? '') > 0);
    const best = usable.find((binding) => !(binding.HostIp ?? '').includes(':')) ?? usable[0];
    if (protocol === 'tcp' && best !== undefined) published.set(Number(port), best);
  }
  return published;
}

/** Servers that choose host ports themselves write them down in labels. */
function readLabelPorts(inspect: ContainerInspect, labels: Labels): Readonly<Record<number, number>> {
  // Of a container that has ended they may be anything: an image can carry labels too.
  if (inspect.State.Running !== true) return {};
  const agent = readPort(labels, LABEL.agentPort);
  const http = readPort(labels, LABEL.httpPort);
  return {
    ...(agent === undefined ? {} : { [AGENT_PORT]: agent }),
    ...(http === undefined ? {} : { [HTTP_PORT]: http }),
  };
}

/**
 * A port published on every address, or on the loopback of a far engine's host, is dialled at the engine's
 * host; one published on a certain address is dialled there.
 */
function readDialAddress(hostIp: string, dialHost: string): string {
  if (EVERY_ADDRESS.has(hostIp)) return dialHost;
  return hostIp === LOOPBACK || hostIp === '::1' ? (dialHost === LOOPBACK ? hostIp : dialHost) : hostIp;
}

function readPrivateHost(inspect: ContainerInspect, mode: string): string | undefined {
  const networks = inspect.NetworkSettings?.Networks ?? {};
  const candidates = [
    networks[mode]?.IPAddress,
    inspect.NetworkSettings?.IPAddress,
    ...Object.values(networks).map((network) => network?.IPAddress),
  ];
  return candidates.find((address) => address !== undefined && address !== '');
}
