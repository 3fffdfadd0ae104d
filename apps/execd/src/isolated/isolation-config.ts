import { readFile } from 'node:fs/promises';
import { agentFault } from '../error-envelope.ts';

/** What isolated sessions may use. */
export interface IsolationConfig {
  /** Holds the changes that sessions make to their copies of a workspace. */
  readonly upperRoot: string;
  /** No further copy-on-write session is made when all of them together hold this much; 0 is no limit. */
  readonly upperMaxBytes: number;
  /** Below these a session may be given further directories. */
  readonly allowedWritable: readonly string[];
  /** The largest answer of `diff`. */
  readonly diffMaxBytes: number;
}

const GIBIBYTE = 1024 ** 3;

export const DEFAULT_ISOLATION: IsolationConfig = {
  upperRoot: '/var/lib/execd/isolation',
  upperMaxBytes: 8 * GIBIBYTE,
  allowedWritable: ['/workspace', '/mnt', '/media', '/data'],
  diffMaxBytes: 4 * GIBIBYTE,
};

/** Reads the file that EXECD_ISOLATION_CONFIG names. Without one, the defaults. */
export async function loadIsolationConfig(path: string | undefined): Promise<IsolationConfig> {
  if (path === undefined || path === '') return DEFAULT_ISOLATION;
  try {
    const { parse } = await import('smol-toml'); // few agents have such a file
    return interpretIsolation(parse(await readFile(path, 'utf8')));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw agentFault('unavailable', 'SERVICE_UNAVAILABLE', `isolation unavailable: ${path}: ${reason}`);
  }
}

/** Takes the keys of the file over the defaults. */
export function interpretIsolation(table: Readonly<Record<string, unknown>>): IsolationConfig {
  const upperRoot = table['upper_root'] ?? DEFAULT_ISOLATION.upperRoot;
  const upperMaxBytes = table['upper_max_bytes'] ?? DEFAULT_ISOLATION.upperMaxBytes;
  const diffMaxBytes = table['diff_max_bytes'] ?? DEFAULT_ISOLATION.diffMaxBytes;
  const allowedWritable = table['allowed_writable'] ?? DEFAULT_ISOLATION.allowedWritable;
  if (!isPath(upperRoot)) throw new Error('upper_root must be an absolute path');
  if (!isSize(upperMaxBytes)) throw new Error('upper_max_bytes must be a number of bytes');
  if (!isSize(diffMaxBytes)) throw new Error('diff_max_bytes must be a number of bytes');
  if (!Array.isArray(allowedWritable) || !allowedWritable.every(isPath)) {
    throw new Error('allowed_writable must be a list of absolute paths');
  }
  return { upperRoot, upperMaxBytes, diffMaxBytes, allowedWritable };
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('/') && value !== '/';
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
