import type { PortAddress, Reach } from '@opensandbox/core';
import { Fault, deadline } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';

export const AGENT_PORT = 44772;
const HTTP_PORT = 8080;
/** So many unanswered questions over the known way make the other one worth a question again. */
const MISSES_TO_DOUBT = 40;
/** Until a request is sent, somebody must have answered; a connection that is dropped in silence never does. */
const SETTLE_MS = 2_000;

/** One question: true when the agent answered. Never rejects. */
export type AskAgent = (host: string, port: number, signal: AbortSignal) => Promise<boolean>;

export interface Way {
  readonly host: string;
  readonly port: number;
}

/**
 * Where this server dials sandboxes. Their ports are published on the engine's host; a server that runs in a container
 * may also be a neighbour on their network, and then one of the two ways can be closed: a firewall on the host, a
 * publish address that containers cannot reach, containers that may not talk to each other. Which one works is the
 * same for all sandboxes of an engine, so what the agents' answers show is remembered.
 */
export interface SandboxWays {
  /** Asks over every way in question. Rejects only when the engine told no address. */
  ask(reach: Reach, signal: AbortSignal): Promise<boolean>;
  /** Where to dial for a port of a sandbox. */
  to(address: PortAddress, signal: AbortSignal): Promise<Way>;
  /** Nothing was there: the next request finds out anew. */
  doubt(): void;
}

export interface WayDeps {
  readonly clock: Clock;
  readonly ask: AskAgent;
  /** Whether an address of a sandbox's own network can be dialled from here. */
  readonly isNeighbour: (host: string) => boolean;
}

type Kind = 'published' | 'own';
interface KnownWay extends Way {
  readonly kind: Kind;
}

export function createSandboxWays(deps: WayDeps): SandboxWays {
  let known: Kind | undefined;
  let misses = 0;

  async function ask(reach: Reach, signal: AbortSignal): Promise<boolean> {
    const all = waysToAgent(reach, deps);
    const preferred = all.filter((way) => way.kind === known);
    const answered = await firstToAnswer(deps.ask, preferred.length === 0 ? all : preferred, signal);
    misses = answered === undefined ? misses + 1 : 0;
    if (misses >= MISSES_TO_DOUBT) known = undefined;
    if (answered !== undefined && all.length > 1) known = answered.kind;
    return answered !== undefined;
  }

  return {
    ask,
    async to({ reach, port, pathPrefix }, signal) {
      const published = { host: reach.host, port };
      if (reach.kind !== 'mapped' || ownAddress(reach, deps) === undefined) return published;
      if (known === undefined) {
        using limit = deadline(deps.clock, SETTLE_MS, signal, noAnswer);
        await ask(reach, limit.signal);
      }
      const own = ownAddress(reach, deps);
      if (known !== 'own' || own === undefined) return published;
      return { host: own, port: pathPrefix === '' ? portInside(reach, port) : AGENT_PORT };
    },
    doubt() {
      known = undefined;
    },
  };
}

/** Where the agent of a sandbox listens, as the engine's host shows it. */
export function publishedAgent(reach: Reach): Way {
  if (reach.kind === 'host' || reach.kind === 'direct') return { host: reach.host, port: AGENT_PORT };
  const port = reach.kind === 'mapped' ? reach.ports[AGENT_PORT] : undefined;
  if (reach.kind === 'none' || port === undefined) {
    throw new Fault('internal', 'endpoint.unavailable', 'The sandbox has no address for its agent.');
  }
  return { host: reach.host, port };
}

function waysToAgent(reach: Reach, deps: WayDeps): readonly KnownWay[] {
  const published: KnownWay = { kind: 'published', ...publishedAgent(reach) };
  const own = ownAddress(reach, deps);
  return own === undefined ? [published] : [published, { kind: 'own', host: own, port: AGENT_PORT }];
}

/** The port of the sandbox that is published as this one. */
function portInside({ ports }: Extract<Reach, { kind: 'mapped' }>, published: number): number {
  const found = Object.entries(ports).find(([, port]) => port === published);
  return found === undefined ? HTTP_PORT : Number(found[0]);
}

function ownAddress(reach: Reach, { isNeighbour }: WayDeps): string | undefined {
  if (reach.kind !== 'mapped' || reach.privateHost === undefined) return undefined;
  return isNeighbour(reach.privateHost) ? reach.privateHost : undefined;
}

async function firstToAnswer(
  ask: AskAgent,
  ways: readonly KnownWay[],
  signal: AbortSignal,
): Promise<KnownWay | undefined> {
  const asked = new AbortController();
  const onAbort = (): void => asked.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const asking = ways.map(async (way) => {
    if (!(await ask(way.host, way.port, asked.signal))) throw new Error('no answer');
    return way;
  });
  try {
    return await Promise.any(asking);
  } catch {
    return undefined; // nobody answered
  } finally {
    signal.removeEventListener('abort', onAbort);
    asked.abort();
  }
}

function noAnswer(): Fault {
  return new Fault('timeout', 'agent.not_ready', 'The agent in the sandbox did not answer.');
}
