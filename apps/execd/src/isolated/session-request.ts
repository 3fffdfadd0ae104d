import { agentFault } from '../error-envelope.ts';
import { jsonFields } from '../json-fields.ts';
import type { WorkspaceMode } from './inside/session-spec.ts';

export interface RequestedBind {
  readonly source: string;
  readonly dest: string;
  readonly readonly: boolean;
}

export interface Passthrough {
  readonly mode: 'allow' | 'deny';
  readonly keys: readonly string[];
}

/** What a client asks a session to be. */
export interface SessionRequest {
  readonly workspace: { readonly path: string; readonly mode: WorkspaceMode };
  readonly profile: 'strict' | 'balanced';
  readonly extraWritable: readonly string[];
  readonly binds: readonly RequestedBind[];
  readonly shareNet: boolean | undefined;
  readonly passthrough: Passthrough | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly uidMode: 'setpriv' | 'userns';
  readonly idleTimeoutSeconds: number;
}

export interface RunRequest {
  readonly code: string;
  readonly envs: Readonly<Record<string, string>>;
  readonly timeoutMs: number | undefined;
}

const PREFIX = 'error parsing request. ';
const MOST_ID = 2 ** 32 - 2;
const LONGEST_SECONDS = 2 ** 31 - 1;

/** Checks what can be known from the body alone. */
export function parseSessionRequest(body: unknown): SessionRequest {
  const fields = jsonFields(body, PREFIX);
  const workspace = fields.fields('workspace');
  if (workspace === undefined) throw invalid('workspace is required');
  const path = workspace.text('path') ?? '';
  if (path === '') throw invalid('workspace.path is required');
  if (!path.startsWith('/')) throw invalid(`workspace.path "${path}" must be an absolute path`);
  const gid = fields.integer('gid', 0, MOST_ID);
  const uid = fields.integer('uid', 0, MOST_ID);
  return {
    workspace: { path: cleanPath(path), mode: parseMode(workspace.text('mode')) },
    profile: parseProfile(fields.text('profile')),
    extraWritable: texts(body, 'extra_writable').map((entry) => {
      if (!entry.startsWith('/')) throw refused(`extra_writable "${entry}" must be an absolute path`);
      return cleanPath(entry);
    }),
    binds: list(body, 'binds').map(parseBind),
    shareNet: fields.flag('share_net'),
    passthrough: parsePassthrough(fields.fields('env_passthrough'), memberOf(body, 'env_passthrough')),
    uid,
    gid,
    uidMode: parseUidMode(fields.text('uid_mode')),
    idleTimeoutSeconds: fields.integer('idle_timeout_seconds', 0, LONGEST_SECONDS) ?? 0,
  };
}

export function parseRunRequest(body: unknown): RunRequest {
  const fields = jsonFields(body, PREFIX);
  const code = fields.text('code') ?? '';
  if (code === '') throw invalid('code is required');
  if (fields.flag('background') === true) throw invalid('background runs are not supported');
  const seconds = fields.integer('timeout_seconds', 0, LONGEST_SECONDS) ?? 0;
  const timeoutMs = seconds === 0 ? undefined : seconds * 1000;
  return { code, envs: fields.textMap('envs') ?? {}, timeoutMs };
}

function parseMode(mode = 'overlay'): WorkspaceMode {
  if (mode === 'rw' || mode === 'overlay' || mode === 'ro') return mode;
  throw invalid(`invalid workspace mode "${mode}": must be rw, overlay, or ro`);
}

function parseProfile(profile = 'strict'): 'strict' | 'balanced' {
  if (profile === 'strict' || profile === 'balanced') return profile;
  throw refused(`unknown isolation profile "${profile}": must be strict or balanced`);
}

function parseUidMode(mode = 'setpriv'): 'setpriv' | 'userns' {
  if (mode === 'setpriv' || mode === 'userns') return mode;
  throw invalid(`invalid uid_mode "${mode}": must be "setpriv" or "userns"`);
}

function parseBind(entry: unknown, index: number): RequestedBind {
  const fields = jsonFields(entry, PREFIX);
  const source = fields.text('source') ?? '';
  const dest = fields.text('dest') ?? '';
  if (source === '') throw invalid(`binds[${index}].source is required`);
  const relative = [
    ['source', source],
    ['dest', dest],
  ].find(([, path = '']) => path !== '' && !path.startsWith('/'));
  if (relative !== undefined) {
    throw invalid(`binds[${index}].${relative[0]} "${relative[1]}" must be an absolute path`);
  }
  const cleaned = cleanPath(source);
  return {
    source: cleaned,
    dest: dest === '' ? cleaned : cleanPath(dest),
    readonly: fields.flag('readonly') ?? false,
  };
}

function parsePassthrough(
  fields: ReturnType<typeof jsonFields> | undefined,
  raw: unknown,
): Passthrough | undefined {
  if (fields === undefined) return undefined;
  const mode = fields.text('mode') ?? '';
  if (mode !== '' && mode !== 'allow' && mode !== 'deny') {
    throw invalid(`invalid env_passthrough mode "${mode}": must be "deny" or "allow"`);
  }
  return { mode: mode === 'allow' ? 'allow' : 'deny', keys: texts(raw, 'keys') };
}

function texts(body: unknown, name: string): string[] {
  return list(body, name).map((entry) => {
    if (typeof entry !== 'string') throw invalid(`${name} must be a list of strings`);
    return entry;
  });
}

function list(body: unknown, name: string): readonly unknown[] {
  const value = memberOf(body, name);
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(`${name} must be a list`);
  return value;
}

function memberOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
}

/** Without doubled or trailing slashes and without dots. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function invalid(message: string): Error {
  return agentFault('invalid', 'INVALID_REQUEST_BODY', message);
}

function refused(message: string): Error {
  return agentFault('invalid', 'RUNTIME_ERROR', message);
}
