import { agentFault } from '../error-envelope.ts';
import { jsonFields } from '../json-fields.ts';

export const SESSION_PARSE_PREFIX = 'error parsing request. ';

const DAY_MS = 24 * 60 * 60 * 1000;

export interface SessionRunRequest {
  readonly command: string;
  /** Where this run and those after it begin; the session's directory when empty. */
  readonly cwd: string;
  /** After how long the run is stopped; never when undefined. */
  readonly timeoutMs: number | undefined;
  /** Variables of this run alone. */
  readonly envs: Readonly<Record<string, string>>;
}

/** Reads the body of `POST /session`: the directory to begin in, or nothing. */
export function parseSessionRequest(body: unknown): string {
  return jsonFields(body, SESSION_PARSE_PREFIX).text('cwd') ?? '';
}

/** Reads the body of `POST /session/{id}/run`, or throws `INVALID_REQUEST_BODY`. */
export function parseSessionRunRequest(body: unknown): SessionRunRequest {
  const fields = jsonFields(body, SESSION_PARSE_PREFIX);
  const command = fields.text('command') ?? '';
  const cwd = fields.text('cwd') ?? '';
  const timeoutMs = fields.integer('timeout', -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0;
  if (command === '') throw invalid('command is required');
  if (timeoutMs < 0) throw invalid('timeout must not be negative');
  return { command, cwd, timeoutMs: timeoutMs === 0 ? DAY_MS : timeoutMs, envs: {} };
}

function invalid(reason: string): Error {
  return agentFault('invalid', 'INVALID_REQUEST_BODY', `invalid request. ${reason}`);
}
