import type { Clock } from '@opensandbox/base';
import { askOverHttp } from './agent-probe.ts';
import { resolveEngineHost } from './engine-host.ts';
import type { EngineHost } from './engine-host.ts';
import * as probes from './network-probes.ts';
import { createSandboxWays } from './sandbox-ways.ts';
import type { SandboxWays } from './sandbox-ways.ts';

/** What is found out about the place this server runs in. */
export interface Surroundings {
  /** Host of an engine on another machine, as the connection to it tells. */
  readonly farHost: string | undefined;
  /** Address of a local engine's host as seen from this container; `undefined` for this machine's own loopback. */
  readonly engineHost: string | undefined;
  readonly ways: SandboxWays;
}

export interface PlaceQuestion {
  /** `docker.host_ip` */
  readonly hostIp: string | undefined;
  /** Host of an engine on another machine: nothing here is near it. */
  readonly farHost: string | undefined;
}

export async function findSurroundings(question: PlaceQuestion, clock: Clock): Promise<Surroundings> {
  const { farHost, hostIp } = question;
  const host = farHost === undefined ? await findEngineHost(hostIp) : undefined;
  // Outside of a container every sandbox is where its engine's host is.
  const isNeighbour = host === undefined ? () => false : probes.isNeighbour;
  const ways = createSandboxWays({ clock, ask: askOverHttp, isNeighbour });
  return { farHost, engineHost: host?.address, ways };
}

export function findEngineHost(hostIp: string | undefined): Promise<EngineHost | undefined> {
  return resolveEngineHost({ ...probes, hostIp, gateway: probes.defaultGateway });
}
