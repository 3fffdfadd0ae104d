import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Agent } from 'undici';
import { Fault } from '@opensandbox/base';

const CONNECT_TIMEOUT_MS = 10_000;
/** Until the answer begins. What is streamed afterwards may be silent for as long as it likes. */
const HEADERS_TIMEOUT_MS = 180_000;

export interface UpstreamRequest {
  /** For error texts: which sandbox and port was asked. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method: string;
  readonly headers: readonly string[];
  readonly body: IncomingMessage | undefined;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly rawHeaders: readonly string[];
  readonly body: Readable;
}

/** Asks services inside sandboxes. No cookies, no redirects, no proxies of the environment. */
export interface Upstream {
  ask(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamAnswer>;
  close(): Promise<void>;
}

export function createUpstream(): Upstream {
  const agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: HEADERS_TIMEOUT_MS,
    bodyTimeout: 0,
    maxHeaderSize: 128 * 1024,
  });
  return {
    async ask(request, signal) {
      try {
        return await dispatch(agent, request, signal);
      } catch (error) {
        if (!isRepeatable(request, error)) throw upstreamFault(request, error, signal);
      }
      try {
        return await dispatch(agent, request, signal);
      } catch (error) {
        throw upstreamFault(request, error, signal);
      }
    },
    close: () => agent.destroy(),
  };
}

async function dispatch(
  agent: Agent,
  request: UpstreamRequest,
  signal: AbortSignal,
): Promise<UpstreamAnswer> {
  const host = request.host.includes(':') ? `[${request.host}]` : request.host;
  const answer = await agent.request({
    origin: `http://${host}:${request.port}`,
    path: request.path,
    method: request.method,
    headers: [...request.headers],
    body: request.body ?? null,
    responseHeaders: 'raw',
    signal,
  });
  // With `responseHeaders: 'raw'` the list is flat, whatever the declared type says.
  return {
    status: answer.statusCode,
    rawHeaders: answer.headers as unknown as string[],
    body: answer.body,
  };
}

/** A kept connection may end just when it is used again; asking once more is safe when nothing was sent but a question. */
function isRepeatable({ method, body }: UpstreamRequest, error: unknown): boolean {
  const isSafe = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  return isSafe && body === undefined && ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error));
}

const NO_CONNECTION: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Texts name the sandbox and port only: this route needs no key, so nothing internal may show. */
function upstreamFault({ name }: UpstreamRequest, error: unknown, signal: AbortSignal): Fault {
  if (signal.aborted && signal.reason instanceof Fault) return signal.reason;
  const code = codeOf(error);
  const because = { cause: error };
  if (NO_CONNECTION.has(code)) {
    const text = `Could not connect to the backend sandbox: nothing listens on ${name}.`;
    return new Fault('unavailable', 'proxy.unreachable', text, because);
  }
  const internal = 'An internal error occurred in the proxy:';
  if (code.endsWith('_TIMEOUT') || code === 'ETIMEDOUT') {
    return new Fault('timeout', 'proxy.timeout', `${internal} ${name} did not answer in time.`, because);
  }
  const text = `${internal} ${name} closed the connection or sent no valid HTTP answer.`;
  return new Fault('unavailable', 'proxy.unreachable', text, because);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
