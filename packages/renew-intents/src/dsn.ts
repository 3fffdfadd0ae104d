import { isIP } from 'node:net';

/** Where a Redis is, and as whom it is asked. Holds the password: never log it. */
export interface RedisTarget {
  readonly at:
    | { readonly path: string }
    | { readonly host: string; readonly port: number; readonly tls: RedisTls | undefined };
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
}

export interface RedisTls {
  /** Absent for addresses: certificates are not asked for by address. */
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

export type ParsedDsn =
  | { readonly kind: 'target'; readonly target: RedisTarget }
  /** What is wrong with it, without a word of it. */
  | { readonly kind: 'problem'; readonly problem: string };

const UNIX = /^unix:\/\/(?:([^/@]*)@)?(\/[^?#]+)(?:\?([^#]*))?$/i;
const FORMS =
  'must be redis://[user:password@]host[:port][/db], the same with rediss:// for TLS, or unix:///path/to/socket[?db=N]';

export function parseDsn(text: string): ParsedDsn {
  const trimmed = text.trim();
  const unix = UNIX.exec(trimmed);
  if (unix !== null) return parseUnix(unix);
  if (!/^rediss?:\/\//i.test(trimmed) || !URL.canParse(trimmed)) return problem(FORMS);
  const url = new URL(trimmed);
  const db = databaseOf(url.searchParams.get('db') ?? url.pathname.slice(1));
  if (db === undefined) return problem('the database in it must be a whole number');
  const host = decoded(url.hostname.replace(/^\[(.*)\]$/, '$1')) || 'localhost';
  return target({
    at: { host, port: url.port === '' ? 6379 : Number(url.port), tls: tlsOf(url, host) },
    username: decoded(url.username) || url.searchParams.get('username') || undefined,
    password: decoded(url.password) || url.searchParams.get('password') || undefined,
    db,
  });
}

/** What is wrong with a DSN; `undefined` when it can be used. Never shows any of it. */
export function dsnProblem(text: string): string | undefined {
  const parsed = parseDsn(text);
  return parsed.kind === 'problem' ? parsed.problem : undefined;
}

function parseUnix([, user = '', path = '', query = '']: RegExpExecArray): ParsedDsn {
  const parameters = new URLSearchParams(query);
  const db = databaseOf(parameters.get('db') ?? '');
  if (db === undefined) return problem('the database in it must be a whole number');
  const colon = user.indexOf(':');
  return target({
    at: { path: decoded(path) },
    username: decoded(colon === -1 ? user : user.slice(0, colon)) || parameters.get('username') || undefined,
    password: (colon === -1 ? '' : decoded(user.slice(colon + 1))) || parameters.get('password') || undefined,
    db,
  });
}

function tlsOf({ protocol, searchParams }: URL, host: string): RedisTls | undefined {
  if (protocol !== 'rediss:') return undefined;
  const rejectUnauthorized = searchParams.get('ssl_cert_reqs')?.toLowerCase() !== 'none';
  return isIP(host) === 0 ? { servername: host, rejectUnauthorized } : { rejectUnauthorized };
}

function databaseOf(text: string): number | undefined {
  if (text === '') return 0;
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that encodes nothing stands for itself
  }
}

const target = (value: RedisTarget): ParsedDsn => ({ kind: 'target', target: value });
const problem = (text: string): ParsedDsn => ({ kind: 'problem', problem: text });
