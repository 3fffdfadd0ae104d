import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Fault, type Secret } from '@opensandbox/base';
import { isProxiedPath } from './proxy/proxy-path.ts';

export const API_KEY_HEADER = 'open-sandbox-api-key';

/** Paths that need no key begin with one of these; a prefix is enough. */
const PUBLIC_PREFIXES = ['/health', '/docs', '/redoc', '/openapi.json'];

/** Whether a decoded path is served without a key. Proxied ports are: knowing the sandbox id is the capability. */
export function isPublicPath(path: string, isProxyPublic = true): boolean {
  if (PUBLIC_PREFIXES.some((prefix) => path.startsWith(prefix))) return true;
  return isProxyPublic && isProxiedPath(path);
}

/** Where Prometheus asks. */
export const METRICS_PATH = '/metrics';

/** The key that a request carries. Prometheus can send it as a bearer token only. */
export function sentKey(path: string, headers: IncomingHttpHeaders): string | readonly string[] | undefined {
  const sent = headers[API_KEY_HEADER];
  if (sent !== undefined || path !== METRICS_PATH) return sent;
  return /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** Throws `unauthenticated` unless the header carries the key. */
export type KeyCheck = (header: string | readonly string[] | undefined) => void;

/** Compares digests in constant time, so neither the length nor a common prefix of the key can be measured. */
export function createKeyCheck(key: Secret): KeyCheck {
  const expected = digest(key.reveal());
  return (header) => {
    const sent = typeof header === 'string' ? header : (header?.[0] ?? '');
    if (sent === '') {
      throw new Fault(
        'unauthenticated',
        'auth.missing',
        'Authentication credentials are missing. Provide API key via OPEN-SANDBOX-API-KEY header.',
      );
    }
    if (!timingSafeEqual(digest(sent), expected)) {
      throw new Fault(
        'unauthenticated',
        'auth.invalid',
        'Authentication credentials are invalid. Check your API key and try again.',
      );
    }
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
