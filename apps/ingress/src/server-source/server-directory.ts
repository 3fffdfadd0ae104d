import { type Clock, type Logger, createSemaphore, isFault } from '@opensandbox/base';
import { faultFields } from '@opensandbox/http';
import type { DialAddress, SandboxDirectory } from '../directory.ts';
import { type CacheLimits, createLookupCache } from './lookup-cache.ts';
import { type Endpoint, readEndpoint, readState } from './read-answers.ts';
import type { ServerAnswer } from './server-answer.ts';
import type { ServerApi } from './server-api.ts';
import { sandboxNotReady } from './server-faults.ts';

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
  const { api, clock, log } = deps;
  const limits: CacheLimits = { freshMs: options.freshMs, staleMs: STALE_MS, missMs: MISS_MS, most: MOST };
  const sandboxes = createLookupCache<Endpoint>(limits, clock);
  const ports = createLookupCache<Endpoint>(limits, clock);
  const turns = createSemaphore(ASK_AT_ONCE);
  const openedAt = clock.now();
  let answeredAt: number | undefined;
  let isAway = false;

  async function ask(path: string, signal: AbortSignal): Promise<ServerAnswer> {
    try {
      const answer = await turns.run(() => api.get(path, signal), signal);
      answeredAt = clock.now();
      if (isAway) log.info('source.back');
      isAway = false;
      return answer;
    } catch (error) {
      if (isFault(error) && error.kind !== 'cancelled') {
        if (!isAway) log.warn('source.away', faultFields(error));
        isAway = true;
      }
      throw error;
    }
  }

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
      const { accessToken } = await sandboxes.get(id, (work) => askSandbox(id, work), signal);
      return { accessToken, dial: (port, waiting) => dial(id, port, waiting) };
    },
    doubt(id, port) {
      sandboxes.doubt(id);
      ports.doubt(`${id} ${port}`);
    },
    health: () => ({
      isFresh: !isAway,
      ageMs: clock.now() - (answeredAt ?? openedAt),
      sandboxes: sandboxes.size,
    }),
  };
}
