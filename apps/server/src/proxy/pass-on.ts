import type { ServerResponse } from 'node:http';
import { type Clock, Fault, isFault } from '@opensandbox/base';
import { type Upstream, forward } from '@opensandbox/proxy';
import { nobodyListens, readAgentsAnswer } from './detours.ts';
import { type RepeatableBody, repeatableBody } from './repeatable-body.ts';
import {
  type DestinationDeps,
  type SandboxDestination,
  type SandboxRequest,
  sandboxDestination,
} from './sandbox-destination.ts';

export interface PassOnDeps extends DestinationDeps {
  readonly upstream: Upstream;
  readonly clock: Clock;
}

/** Where the answer goes. */
export interface Reply {
  readonly response: ServerResponse;
  /** Headers of the answer that this server sets; asked for when the answer is there. */
  readonly own: () => Readonly<Record<string, string>>;
}

/** Passes a request on to a port of a sandbox. Rejects with a Fault as long as nothing was answered. */
export async function passOn(
  deps: PassOnDeps,
  asked: SandboxRequest,
  reply: Reply,
  signal: AbortSignal,
): Promise<void> {
  const found = await sandboxDestination(deps, asked, signal);
  if (asked.request.headers.upgrade?.toLowerCase() === 'websocket') {
    throw new Fault('invalid', 'proxy.refused', 'Websocket upgrade is not supported yet');
  }
  const mayRepeat = (found.other !== undefined && !found.isProven) || isThrownAway(asked, found);
  const body = mayRepeat && hasBody(asked) ? repeatableBody(asked.request) : undefined;
  try {
    await askBothWays(deps, { asked, reply, found, body }, signal);
  } catch (error) {
    body?.discard();
    throw error;
  }
}

interface Attempt {
  readonly asked: SandboxRequest;
  readonly reply: Reply;
  readonly found: SandboxDestination;
  readonly body?: RepeatableBody | undefined;
}

async function askBothWays(deps: PassOnDeps, attempt: Attempt, signal: AbortSignal): Promise<void> {
  const { other } = attempt.found;
  if (other === undefined) return ask(deps, attempt, signal);
  try {
    await ask(deps, attempt, signal);
  } catch (error) {
    if (!(await mayTryElsewhere(deps, attempt, error))) throw error;
    await askElsewhere(deps, { ...attempt, found: await other() }, { error, signal });
  }
}

async function ask(deps: PassOnDeps, attempt: Attempt, signal: AbortSignal): Promise<void> {
  const { asked, reply, found, body } = attempt;
  const { destination, way, isChoice } = found;
  const inspect = way === 'agent' ? readAgentsAnswer(destination.name) : undefined;
  const answered = (): Readonly<Record<string, string>> => {
    if (isChoice) deps.detours.worked(asked.id, way);
    return reply.own();
  };
  try {
    await forward(
      deps.upstream,
      {
        request: asked.request,
        response: reply.response,
        destination,
        own: answered,
        inspect,
        body: body?.open(),
        active: () => deps.lifecycle.accessed(asked.id, 'server_proxy'),
        observed: (facts) => deps.telemetry?.trackOf(asked.request).observed(facts),
      },
      signal,
    );
  } catch (error) {
    if (agentSaid(error) === 'resend' && found.sealed !== undefined && body?.isRepeatable() === true) {
      return ask(
        deps,
        { ...attempt, found: { ...found, destination: found.sealed, sealed: undefined } },
        signal,
      );
    }
    if (isUnreachable(error) && agentSaid(error) === undefined) deps.ways.doubt();
    throw error;
  }
}

/** What the first way said is what the client is told, unless the second knows it better. */
async function askElsewhere(
  deps: PassOnDeps,
  attempt: Attempt,
  first: { readonly error: unknown; readonly signal: AbortSignal },
): Promise<void> {
  try {
    await ask(deps, attempt, first.signal);
  } catch (error) {
    const knowsBetter = isFault(error) && (attempt.found.way === 'agent' || error.kind === 'cancelled');
    throw knowsBetter ? error : first.error;
  }
}

/**
 * Whether a request that found nobody may be sent the other way. It must not have reached a service: that is so when it
 * asks for nothing but an answer, or when nobody could have taken it.
 */
async function mayTryElsewhere(
  deps: PassOnDeps,
  { asked, found, body }: Attempt,
  error: unknown,
): Promise<boolean> {
  if (!isUnreachable(error)) return false;
  deps.detours.forget(asked.id);
  if (hasBody(asked) && body?.isRepeatable() !== true) return false;
  const isSafe = ['GET', 'HEAD', 'OPTIONS'].includes(asked.request.method ?? '') && !hasBody(asked);
  if (isSafe || agentSaid(error) === 'refused') return true;
  return found.way === 'published' && (await nobodyListens(found.destination, deps.clock));
}

/** An agent may have a runtime that knows no body of a GET. */
function isThrownAway({ request }: SandboxRequest, { sealed }: SandboxDestination): boolean {
  return request.method === 'GET' && sealed !== undefined;
}

function isUnreachable(error: unknown): boolean {
  return isFault(error) && error.code === 'proxy.unreachable';
}

/** What the agent says of the service, when it was the agent that answered. */
function agentSaid(error: unknown): unknown {
  return isFault(error) ? error.details?.['agentSaid'] : undefined;
}

function hasBody({ request: { headers } }: SandboxRequest): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  return headers['content-length'] !== undefined && headers['content-length'] !== '0';
}
