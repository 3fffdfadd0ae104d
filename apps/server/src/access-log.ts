import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '@opensandbox/base';
import { ipLiteral } from '@opensandbox/http';
import { withoutRest } from './proxy/proxy-path.ts';

const LONGEST_PATH = 256;
/** The status that stands for a client that left before its answer. */
export const CLIENT_GONE_STATUS = 499;

export interface AccessLine {
  readonly request: IncomingMessage;
  /** The normalised target, where the request still has the one that was sent. */
  readonly target?: string;
  readonly requestId: string;
  /** Of the trace that it is part of, when that is recorded. */
  readonly traceId?: string | undefined;
  /** Taken when the request came: a request that was streamed away has no socket any more. */
  readonly peer: string | undefined;
  readonly status: number;
  readonly durationMs: number;
}

/** One line for each request: never a query, a header value or a proxied path. */
export function writeAccessLine(
  log: Logger,
  { request, target, requestId, traceId, peer, status, durationMs }: AccessLine,
): void {
  const declared = ipLiteral(request.headers['open-sandbox-client-ip']);
  log.info('http.request', {
    method: request.method,
    path: loggedPath(target ?? request.url ?? ''),
    status,
    ms: durationMs,
    requestId,
    ...(traceId === undefined ? {} : { traceId }),
    peer,
    ...(declared === undefined ? {} : { clientIp: declared }),
  });
}

export function statusOf(response: ServerResponse): number {
  return response.writableFinished || response.headersSent ? response.statusCode : CLIENT_GONE_STATUS;
}

/** The path of a normalised target as the log may show it. */
export function loggedPath(target: string): string {
  const queryAt = target.search(/[?#]/);
  const path = queryAt === -1 ? target : target.slice(0, queryAt);
  const shown = withoutRest(path);
  return shown.length > LONGEST_PATH ? `${shown.slice(0, LONGEST_PATH)}…` : shown;
}
