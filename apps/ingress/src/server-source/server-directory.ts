import { type Clock, type Fault, type Logger, createSemaphore, isFault } from '@opensandbox/base';
import { faultFields } from '@opensandbox/http';
import type { DialAddress, SandboxDirectory } from '../directory.ts';
import { type CacheLimits, createLookupCache } from './lookup-cache.ts';
import { type Endpoint, readEndpoint, readState } from './read-answers.ts';
import type { ServerAnswer } from './server-answer.ts';
import type { ServerApi } from './server-api.ts';
import { sandboxNotFound, sandboxNotReady } from './server-faults.ts';

export interface ServerDirectoryOptions {
  /** `proxy`: sandboxes are dialled through the server's own proxy, by their id. */
  readonly way: 'direct' | 'proxy';
  readonly freshMs: number;
}

const STALE_MS = 600_000;
const MISS_MS = 1_000;
const MOST = 10_000;
/** Questions at a time: names that nobody has must not keep the server busy. */
const ASK_AT_ONCE = 16;
/** The agent's own port: every sandbox has it, and its answer tells the token that all ports share. */
const AGENT_PORT = 44772;

export interface ServerDirectoryDeps {
  readonly api: ServerApi;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Finds sandboxes through the lifecycle API of a server, so it needs to ask: once for a sandbox and once for a port,
 * then not again for `freshMs`. A server that is away is no reason to stop: its last answers stand for ten minutes.
 */
export function createServerDirectory(
  options: ServerDirectoryOptions,
  deps: ServerDirectoryDeps,
): SandboxDirectory {
  const limits: CacheLimits = { freshMs: options.freshMs, staleMs: STALE_MS, missMs: MISS_MS, most: MOST };
  const sandboxes = createLookupCache<Endpoint>(limits, deps.clock);
  const ports = createLookupCache<Endpoint>(limits, deps.clock);
  const { ask, health } = createAsker(deps);

  const asEndpoint = async (id: string, port: number, signal: AbortSignal): Promise<Endpoint> => {
    const through = options.way === 'proxy' ? '?use_server_proxy=true' : '';
    return readEndpoint(
      id,
      await ask(`/sandboxes/${encodeURIComponent(id)}/endpoints/${port}${through}`, signal),
    );
  };

  async function askSandbox(id: string, signal: AbortSignal): Promise<Endpoint> {
    const state = readState(id, await ask(`/sandboxes/${encodeURIComponent(id)}`, signal));
    if (state.toLowerCase() !== 'running') throw sandboxNotReady(id, state);
    return asEndpoint(id, AGENT_PORT, signal);
  }

  async function dial(id: string, port: number, signal: AbortSignal): Promise<DialAddress> {
    const known = await ports.get(`${id} ${port}`, (work) => asEndpoint(id, port, work), signal);
    return known.address;
  }

  return {
    async find(id, signal) {
      // In a URL these would name something else than a sandbox.
      if (id === '.' || id === '..') throw sandboxNotFound(id);
      const { accessToken } = await sandboxes.get(id, (work) => askSandbox(id, work), signal);
      return { accessToken, dial: (port, waiting) => dial(id, port, waiting) };
    },
    doubt(id, port) {
      sandboxes.doubt(id);
      ports.doubt(`${id} ${port}`);
    },
    health: () => ({ ...health(), sandboxes: sandboxes.size }),
  };
}

interface Asker {
  readonly ask: (path: string, signal: AbortSignal) => Promise<ServerAnswer>;
  readonly health: () => { readonly isFresh: boolean; readonly ageMs: number };
}

/** Asks some questions at a time, and remembers whether the server answers. */
function createAsker({ api, clock, log }: ServerDirectoryDeps): Asker {
  const turns = createSemaphore(ASK_AT_ONCE);
  let answeredAt = clock.now();
  let failures = 0;
  let away: Fault | undefined;

  async function inTurn(path: string, failuresBefore: number, signal: AbortSignal): Promise<ServerAnswer> {
    // Those who waited need not find out one after the other, each for as long, what those before them did.
    if (away !== undefined && failures > failuresBefore) throw away;
    try {
      const answer = await api.get(path, signal);
      answeredAt = clock.now();
      if (away !== undefined) log.info('source.back');
      away = undefined;
      return answer;
    } catch (error) {
      if (isFault(error) && error.kind !== 'cancelled') {
        if (away === undefined) log.warn('source.away', faultFields(error));
        away = error;
        failures += 1;
      }
      throw error;
    }
  }

  return {
    ask(path, signal) {
      const failuresBefore = failures;
      return turns.run(() => inTurn(path, failuresBefore, signal), signal);
    },
    health: () => ({ isFresh: away === undefined, ageMs: clock.now() - answeredAt }),
  };
}
