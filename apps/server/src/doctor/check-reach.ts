import { randomInt } from 'node:crypto';
import { deadline, isFault, sleep, toFault } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';
import type { Reach } from '@opensandbox/core';
import { AGENT_PORT } from '../sandbox-ways.ts';
import type { AskAgent } from '../sandbox-ways.ts';
import type { SendToEngine } from './engine-http.ts';
import { ok, warn, fail } from './finding.ts';
import type { Finding } from './finding.ts';
import { listenerTarget } from './listener.ts';
import type { Place } from './place.ts';
import { removeOldTrials, withTrialContainer } from './trial-container.ts';

const CHECK = 'reach';
/** Longest time until the listener has answered: it needs no time to come up. */
const ANSWER_MS = 3_000;
const RETRY_MS = 100;

export interface ReachDeps {
  readonly send: SendToEngine;
  readonly ask: AskAgent;
  readonly clock: Clock;
  readonly place: Place;
  readonly networkMode: string;
  /** The engine's own words: `x86_64`, `linux`, and its time. */
  readonly engine: { readonly arch: string; readonly os: string; readonly now: number };
}

export interface Attempt {
  /** `host:port` */
  readonly address: string;
  readonly answered: boolean;
}

/** What was dialled, and what answered. */
export interface ReachReading {
  readonly published: Attempt | undefined;
  /** At the container's own address, when this server has a foot in its network. */
  readonly own: Attempt | undefined;
  /** At the host that clients are told. */
  readonly told: Attempt | undefined;
}

/** Starts a container that listens, dials it as this server dials sandboxes, and removes it. */
export async function checkReach(deps: ReachDeps, signal: AbortSignal): Promise<Finding> {
  const target = deps.engine.os === 'linux' ? listenerTarget(deps.engine.arch) : undefined;
  if (target === undefined) {
    const what = `not tried: there is no listener for ${deps.engine.os}/${deps.engine.arch}`;
    return warn(CHECK, what, 'Create a sandbox and see.');
  }
  const { send, networkMode, place } = deps;
  // In the host's network the agent's own port may be taken by a sandbox.
  const port = networkMode === 'host' ? randomInt(20_000, 32_000) : AGENT_PORT;
  const wish = { target, port, networkMode, publishAddress: place.publishAddress };
  try {
    await removeOldTrials(send, deps.engine.now, signal);
    const reading = await withTrialContainer(
      send,
      wish,
      (inspect) => dialAll(deps, place.readReach(inspect), port, signal),
      signal,
    );
    return judgeReach(reading, deps);
  } catch (error) {
    if (isFault(error, 'cancelled')) throw error;
    const what = `a container for the trial could not be run: ${toFault(error).message}`;
    return fail(CHECK, what, 'Sandboxes would fail the same way. Mend it on the engine first.');
  }
}

async function dialAll(
  deps: ReachDeps,
  reach: Reach,
  port: number,
  signal: AbortSignal,
): Promise<ReachReading> {
  if (reach.kind === 'none') return { published: undefined, own: undefined, told: undefined };
  const { place } = deps;
  const published = reach.kind === 'mapped' ? reach.ports[port] : port;
  const own = reach.kind === 'mapped' ? reach.privateHost : undefined;
  const isPlainHost = !/[:/]/.test(place.publicHost);
  const dial = (host: string | undefined, at: number | undefined): Promise<Attempt | undefined> =>
    host === undefined || at === undefined
      ? Promise.resolve(undefined)
      : dialUntil(deps, { host, port: at }, signal);
  const [publishedTry, ownTry, toldTry] = await Promise.all([
    dial(reach.host, published),
    dial(own !== undefined && place.isContained && place.isNeighbour(own) ? own : undefined, port),
    dial(isPlainHost ? place.publicHost : undefined, published),
  ]);
  return { published: publishedTry, own: ownTry, told: toldTry };
}

async function dialUntil(
  { ask, clock }: ReachDeps,
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Attempt> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  using limit = deadline(clock, ANSWER_MS, signal, () => toFault(new Error('no answer')));
  while (!limit.signal.aborted) {
    if (await ask(host, port, limit.signal)) return { address, answered: true };
    await sleep(clock, RETRY_MS, limit.signal).catch(() => undefined); // the loop sees it
  }
  return { address, answered: false };
}

/** What the attempts mean, and what to set when they failed. */
export function judgeReach(
  reading: ReachReading,
  { place, networkMode }: { readonly place: Place; readonly networkMode: string },
): Finding {
  const { published, own, told } = reading;
  if (published === undefined) {
    return fail(
      CHECK,
      'the engine published no port of the container',
      `See that network ${networkMode} publishes ports.`,
    );
  }
  const by = own?.answered === true ? `, and at its own address ${own.address}` : '';
  if (published.answered && told?.answered === false) {
    return warn(
      CHECK,
      `a container answered at ${published.address}${by}, but not at ${told.address}, which is what clients are told`,
      place.isPublicHostSet
        ? 'Check server.eip from where the clients are.'
        : 'Set server.eip to the name or address under which clients reach the host.',
    );
  }
  if (published.answered) return ok(CHECK, `a container answered at ${published.address}${by}`);
  if (own?.answered === true) {
    return warn(
      CHECK,
      `a container answered at its own address ${own.address}, but not at ${published.address}: this server works, clients reach sandboxes only through it`,
      adviseOn(place),
    );
  }
  const tried = own === undefined ? published.address : `${published.address} nor at ${own.address}`;
  return fail(CHECK, `a container did not answer at ${tried}`, adviseOn(place));
}

function adviseOn(place: Place): string {
  const isLoopbackOnly = /^(127\.|::1$)/.test(place.publishAddress);
  if (isLoopbackOnly && (place.isContained || place.farHost !== undefined)) {
    return `Sandbox ports are published on ${place.publishAddress}, which nothing but the engine's host reaches: set docker.publish_address to another of its addresses.`;
  }
  if (place.farHost !== undefined) {
    return "Set docker.host_ip to the address under which this server reaches the engine's host, and open the ports that the engine publishes (32768-60999) in its firewall.";
  }
  if (place.isContained) {
    return "Set docker.host_ip to an address of the host that containers reach (with extra_hosts: host.docker.internal:host-gateway), and let the host's firewall accept connections from containers; or attach this container to the sandboxes' network.";
  }
  return "Let this machine's firewall accept connections to published ports, and see that docker.publish_address is one of its addresses.";
}
