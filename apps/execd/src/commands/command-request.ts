import { agentFault } from '../error-envelope.ts';
import { jsonFields } from '../json-fields.ts';

export interface CommandRequest {
  readonly command: string;
  readonly cwd: string;
  readonly background: boolean;
  readonly timeoutMs: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly envs: Readonly<Record<string, string>>;
  /** Send the beginning of a line that stays without its end, such as a prompt. Only on request: clients join lines. */
  readonly partialLines: boolean;
}

const PARSE_PREFIX = 'error parsing request, MAYBE invalid body format. ';
const HIGHEST_ID = 2 ** 32 - 1;

/** Reads the body of `POST /command`, or throws `INVALID_REQUEST_BODY`. */
export function parseCommandRequest(body: unknown): CommandRequest {
  const fields = jsonFields(body, PARSE_PREFIX);
  const request: CommandRequest = {
    command: fields.text('command') ?? '',
    cwd: fields.text('cwd') ?? '',
    background: fields.flag('background') ?? false,
    timeoutMs: fields.integer('timeout', -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0,
    uid: fields.integer('uid', 0, HIGHEST_ID),
    gid: fields.integer('gid', 0, HIGHEST_ID),
    envs: fields.textMap('envs') ?? {},
    partialLines: fields.flag('partial_lines') ?? false,
  };
  if (request.command === '') throw invalid('command is required');
  if (request.timeoutMs !== undefined && request.timeoutMs < 0) throw invalid('timeout must not be negative');
  if (request.gid !== undefined && request.uid === undefined) {
    throw invalid('uid is required when gid is provided');
  }
  return { ...request, timeoutMs: request.timeoutMs === 0 ? undefined : request.timeoutMs };
}

/** A command with nothing but its text: what `POST /code` runs when no language is asked for. */
export function plainCommand(command: string, background: boolean): CommandRequest {
  const plain = { timeoutMs: undefined, uid: undefined, gid: undefined, envs: {}, partialLines: false };
  return { command, cwd: '', background, ...plain };
}

function invalid(reason: string): Error {
  return agentFault('invalid', 'INVALID_REQUEST_BODY', `invalid request, validation error ${reason}`);
}
