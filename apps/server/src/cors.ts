import type { IncomingHttpHeaders } from 'node:http';

const ALL_METHODS = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';
const PREFLIGHT_SECONDS = '600';

/** Headers that every answer to a cross-origin request carries; none when the request has no `Origin`. */
export type CorsPolicy = (headers: IncomingHttpHeaders) => Readonly<Record<string, string>>;

/**
 * Any origin may call. Credentials are allowed only where a key is asked for: without one, a page of a stranger
 * could otherwise act with whatever a browser holds for this host.
 */
export function createCorsPolicy(hasKey: boolean): CorsPolicy {
  return ({ origin }) => {
    if (origin === undefined) return {};
    return {
      'access-control-allow-origin': origin,
      ...(hasKey ? { 'access-control-allow-credentials': 'true' } : {}),
      'access-control-expose-headers': 'X-Request-ID',
      vary: 'Origin',
    };
  };
}

export function isPreflight(method: string, headers: IncomingHttpHeaders): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

export function preflightHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const asked = headers['access-control-request-headers'];
  return {
    'access-control-allow-methods': ALL_METHODS,
    'access-control-max-age': PREFLIGHT_SECONDS,
    ...(asked === undefined ? {} : { 'access-control-allow-headers': asked }),
  };
}
