import { Secret } from '@opensandbox/base';

const HIDDEN = '[redacted]';
/** Names whose values are credentials. `keyId`, `dedupeKey` and the like are caught too: better one too many. */
const SECRET_NAME = /key|token|password|passwd|secret|authorization|cookie|credential|registry[-_]?auth|dsn/i;
/** The name of a Redis list, which looks like a credential's. */
const QUEUE_NAME = 'renew_queue_key';
/** Credentials inside URLs, and header-like text inside messages. */
// A scheme is looked for where a word begins and is short: otherwise long text costs quadratic time.
const URL_CREDENTIALS = /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@:]{0,1024}:[^\s/@]{1,4096}@/gi;
/** Longer text is cut, at a space so that no half of a credential is left without its mark. */
const LONGEST_TEXT = 8192;
const HEADER_TEXT =
  /\b(authorization|x-registry-auth|open-sandbox-api-key|x-execd-access-token|opensandbox-egress-auth)(["']?\s*[:=]\s*)(?:bearer\s+|basic\s+)?[^\s,;"']+/gi;
const DEEPEST = 8;
const LONGEST_LIST = 100;

/** A copy that is safe to print: secrets hidden at any depth, errors with their causes, nothing circular. */
export function redact(value: unknown): unknown {
  return copy(value, 0, new Set());
}

/** Text with the credentials in it hidden. */
export function redactText(text: string): string {
  // Most text is a word or a path: what has neither separator cannot hold what is looked for.
  if (text.length <= LONGEST_TEXT && !text.includes(':') && !text.includes('=')) return text;
  return cut(text).replace(URL_CREDENTIALS, `$1${HIDDEN}@`).replace(HEADER_TEXT, `$1$2${HIDDEN}`);
}

function cut(text: string): string {
  if (text.length <= LONGEST_TEXT) return text;
  const space = text.lastIndexOf(' ', LONGEST_TEXT);
  return `${text.slice(0, space > 0 ? space : 0)}… (${text.length} characters)`;
}

function copy(value: unknown, depth: number, above: Set<object>): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Secret) return HIDDEN;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (above.has(value)) return '[circular]';
  if (depth >= DEEPEST) return '[deeper]';
  above.add(value);
  const result = copyObject(value, depth + 1, above);
  above.delete(value);
  return result;
}

function copyObject(value: object, depth: number, above: Set<object>): unknown {
  if (value instanceof Error) return copyError(value, depth, above);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, LONGEST_LIST).map((item) => copy(item, depth, above));
  const entries = value instanceof Map ? value.entries() : Object.entries(value);
  const safe: Record<string, unknown> = {};
  for (const [key, item] of entries) {
    const name = String(key);
    safe[name] = isHidden(name, item) ? HIDDEN : copy(item, depth, above);
  }
  return safe;
}

/** Numbers and booleans under a telling name are counts and switches (`tokens: 3`), not credentials. */
function isHidden(name: string, value: unknown): boolean {
  if (value === undefined || value === null || typeof value === 'number' || typeof value === 'boolean')
    return false;
  return isSecretName(name);
}

const MOST_NAMES_KNOWN = 1000;
const knownNames = new Map<string, boolean>();

/** The same few names come with every line. */
function isSecretName(name: string): boolean {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const isSecret = SECRET_NAME.test(name) && name !== QUEUE_NAME;
  if (knownNames.size < MOST_NAMES_KNOWN) knownNames.set(name, isSecret);
  return isSecret;
}

function copyError(error: Error, depth: number, above: Set<object>): unknown {
  const { kind, code, details } = error as Error & { kind?: unknown; code?: unknown; details?: unknown };
  return {
    name: error.name,
    ...(kind === undefined ? {} : { kind }),
    ...(code === undefined ? {} : { code }),
    message: redactText(error.message),
    ...(details === undefined ? {} : { details: copy(details, depth, above) }),
    ...(error.cause === undefined ? {} : { cause: copy(error.cause, depth, above) }),
    ...(error.name === 'Fault' ? {} : { stack: redactText(error.stack ?? '') }),
  };
}
