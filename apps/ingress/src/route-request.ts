import type { IncomingMessage } from 'node:http';
import { toFault } from '@opensandbox/base';
import { headerIn } from '@opensandbox/http';
import type { Destination } from '@opensandbox/proxy';
import { ACCESS_HEADER, type Route } from '@opensandbox/route-tokens';
import type { Gatekeeper } from './access/gatekeeper.ts';
import type { SandboxDirectory } from './directory.ts';
import { type GatewayMode, readTarget } from './request-target.ts';
import { upstreamRequest } from './upstream-request.ts';

/** Somebody used a sandbox. */
export interface Visit {
  readonly sandboxId: string;
  readonly port: number;
  /** The decoded path for the service, without its query; only where paths name sandboxes. */
  readonly requestUri?: string | undefined;
}

export interface RouteDeps {
  readonly mode: GatewayMode;
  readonly directory: SandboxDirectory;
  readonly gatekeeper: Gatekeeper;
  /** Told of each request that may pass, before anything is dialled. Neither throws nor waits. */
  readonly visited: (visit: Visit) => void;
}

/** What is known of a request as it goes through the gateway; the log line is made of it. */
export interface Passage {
  route?: Route;
  /** The path itself carries a proof: it must not travel further than it has to. */
  isSignedByPath?: boolean;
  visit?: Visit;
  /** Of the address that is dialled. */
  basePath?: string;
}

export interface Caller {
  readonly request: Pick<IncomingMessage, 'url' | 'rawHeaders'>;
  readonly peer: string | undefined;
  /** Replace what the client sent about its trace. */
  readonly traceHeaders?: readonly string[] | undefined;
}

/**
 * From a request to where it goes: route, lookup, credentials, address, in this order. Whether a sandbox exists and is
 * ready is told without credentials.
 */
export async function routeRequest(
  deps: RouteDeps,
  caller: Caller,
  passage: Passage,
  signal: AbortSignal,
): Promise<Destination> {
  const { mode, directory, gatekeeper } = deps;
  const { rawHeaders } = caller.request;
  const target = readTarget(mode, caller.request);
  const { route } = target;
  passage.route = route;
  const entry = await directory.find(route.sandboxId, signal);
  const presented = headerIn(rawHeaders, ACCESS_HEADER);
  const { accessToken, knownAs } = entry;
  const by = gatekeeper.admit(route, { accessToken, presented, knownAs });
  const path = by === 'open' ? target.pathWithProof : target.path;
  passage.isSignedByPath = mode === 'uri' && route.proof !== undefined && by !== 'open';
  passage.visit = {
    sandboxId: route.sandboxId,
    port: route.port,
    ...(mode === 'uri' ? { requestUri: decodedPath(path) } : {}),
  };
  deps.visited(passage.visit);
  const address = await entry.dial(route.port, signal);
  passage.basePath = address.basePath;
  return upstreamRequest({ route, path, ...caller }, address);
}

function decodedPath(path: string): string {
  const [local = ''] = path.split('?', 1);
  try {
    return decodeURIComponent(local);
  } catch {
    return local; // no valid percent-encoding: shown as it came
  }
}

/** A failed dial casts doubt on what the directory said. */
export function noteFailure(deps: Pick<RouteDeps, 'directory'>, passage: Passage, error: unknown): void {
  if (toFault(error).code === 'proxy.unreachable' && passage.route !== undefined) {
    deps.directory.doubt?.(passage.route.sandboxId, passage.route.port);
  }
}
