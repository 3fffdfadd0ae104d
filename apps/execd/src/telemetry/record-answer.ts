import type { ExecutionOperation, FilesystemOperation, Instruments } from './instruments.ts';
import type { Answered, Outcome } from './telemetry.ts';

const EXECUTIONS: ReadonlyMap<string, ExecutionOperation> = new Map([
  ['POST /command', 'run_command'],
  ['POST /code', 'run_code'],
  ['POST /session/:id/run', 'run_in_session'],
]);

const FILESYSTEM: ReadonlyMap<string, FilesystemOperation> = new Map([
  ['GET /files/info', 'info'],
  ['DELETE /files', 'delete'],
  ['POST /files/permissions', 'chmod'],
  ['POST /files/mv', 'rename'],
  ['POST /directories', 'mkdir'],
  ['DELETE /directories', 'rmdir'],
  ['GET /directories/list', 'listdir'],
  ['GET /files/search', 'search'],
  ['POST /files/replace', 'replace'],
  ['POST /files/upload', 'upload'],
  ['GET /files/download', 'download'],
]);

/** Unknown paths are many, and each would be a series of its own. */
const UNKNOWN_ROUTE = 'unknown';

/** Any token is a method to HTTP, and each would be a series of its own. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']);

export function knownMethod(method: string): string {
  return METHODS.has(method) ? method : '_OTHER';
}

/** Notes an answer in every instrument it concerns; one that goes on, when it has ended. */
export async function recordAnswer(
  instruments: Instruments,
  answered: Answered,
  elapsedMs: () => number,
): Promise<void> {
  const { method, route = UNKNOWN_ROUTE, status } = answered;
  const result: Outcome = (await answered.outcome) ?? (status < 400 ? 'success' : 'failure');
  const durationMs = elapsedMs();
  instruments.request({ method: knownMethod(method), route, status }, durationMs);
  const execution = EXECUTIONS.get(`${method} ${route}`);
  if (execution !== undefined) instruments.execution(execution, result, durationMs);
  const filesystem = FILESYSTEM.get(`${method} ${route}`);
  if (filesystem !== undefined) instruments.filesystem(filesystem, result, durationMs);
}
