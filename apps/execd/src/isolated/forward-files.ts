import type { Clock } from '@opensandbox/base';
import { agentFault, errorResponse } from '../error-envelope.ts';
import { beginUse } from './isolated-sessions.ts';
import type { IsolatedSession } from './isolated-sessions.ts';
import { fetchUnix } from './unix-http.ts';

const IN_SESSION = /\/v1\/isolated\/session\/[^/?]+(\/[^?]*)(?:\?(.*))?$/;
/**
 * What file operations read. Nothing else goes into the session: its programs can read the memory of the process that
 * answers there, and must not find the agent's access token or what else a client shows on its way.
 */
const FORWARDED = ['accept', 'accept-encoding', 'content-type', 'range', 'if-range'];
const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];
const INTERNAL = 500;
const FORBIDDEN = 403;

/** Has the session itself do a file operation: what it must not reach, it cannot reach for a client either. */
export async function forwardFiles(
  clock: Clock,
  session: IsolatedSession,
  request: Request,
): Promise<Response> {
  if (!session.process.isAlive()) {
    throw agentFault('conflict', 'RUNTIME_ERROR', 'session process has exited');
  }
  const [, path = '', query = ''] = IN_SESSION.exec(request.url) ?? [];
  const headers = forwardedHeaders(request.headers);
  const { method, signal } = request;
  const body = method === 'GET' || method === 'HEAD' ? null : request.body;
  const init: RequestInit = { method, headers, signal, body, ...(body === null ? {} : { duplex: 'half' }) };
  const done = beginUse(session, clock);
  try {
    const answer = await fetchUnix(session.process.socket, `${path}${queryFor(path, query)}`, init);
    return answer.status === INTERNAL ? await explainFailure(answer) : passOn(answer);
  } finally {
    done();
  }
}

export function forwardedHeaders(given: Headers): Headers {
  const names = new Set([...FORWARDED, ...CONDITIONS]);
  return new Headers([...given].filter(([name]) => names.has(name)));
}

/** Counts are always told here: one client asks for them without saying so. */
function queryFor(path: string, query: string): string {
  if (path === '/files/replace') return '?verbose=true';
  return query === '' ? '' : `?${query}`;
}

function passOn(answer: Response): Response {
  const headers = new Headers(answer.headers);
  headers.delete('connection');
  headers.delete('transfer-encoding');
  if (headers.get('content-length') === '0') return new Response(null, { status: answer.status, headers });
  return new Response(answer.body, { status: answer.status, headers });
}

/** To write where the session may only read is refused, and not a failure. */
async function explainFailure(answer: Response): Promise<Response> {
  const text = await answer.text();
  const { code = 'RUNTIME_ERROR', message = text } = JSON.parse(text) as { code?: string; message?: string };
  return errorResponse(message.includes('EROFS') ? FORBIDDEN : INTERNAL, code, message);
}
