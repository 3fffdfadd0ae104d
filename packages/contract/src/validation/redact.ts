const MASK = '***';

/** Members whose whole value is secret. Compared in lower case without `_` and `-`. */
const SECRET_NAMES = new Set(['auth', 'env', 'envs', 'credential', 'credentials', 'authorization']);
const SECRET_PARTS = ['password', 'passwd', 'secret', 'token', 'accesskey', 'apikey'];
/** A body that was sent as text has no members to look at, so any of these words hides all of it. */
const SECRET_WORDS = /auth|env|credential|passw|secret|token|access_?key|api_?key/i;

/** The value as it may be shown to the client: same shape, secret leaves masked, safe to print as JSON. */
export function redactInput(value: unknown, path: readonly (string | number)[]): unknown {
  const secret = path.some((segment) => typeof segment === 'string' && isSecretName(segment));
  if (typeof value === 'string' && path.length === 0) return SECRET_WORDS.test(value) ? MASK : value;
  return redact(value, secret);
}

function redact(value: unknown, secret: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => redact(item, secret));
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([name, member]): [string, unknown] => [
      name,
      redact(member, secret || isSecretName(name)),
    ]);
    return Object.fromEntries(members);
  }
  if (value === null || value === undefined) return null;
  if (secret) return MASK;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}

function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[_-]/g, '');
  return SECRET_NAMES.has(plain) || SECRET_PARTS.some((part) => plain.includes(part));
}
