import type { Clock } from '@opensandbox/base';
import type { IsolatedSession } from './isolated-sessions.ts';
import { idleEnd } from './isolated-sessions.ts';

type Json = Readonly<Record<string, unknown>>;

function times(session: IsolatedSession): Json {
  return { created_at: isoTime(session.createdAt), last_run_at: isoTime(session.lastRunAt) };
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}

function statusOf(session: IsolatedSession): 'active' | 'dead' {
  return session.process.isAlive() ? 'active' : 'dead';
}

/** What was asked for, with its defaults; what was not asked for and has none is left out. */
function formatRequest({ request }: IsolatedSession): Json {
  const { binds, extraWritable, shareNet, passthrough, uid, gid } = request;
  return {
    profile: request.profile,
    workspace: request.workspace,
    ...(extraWritable.length === 0 ? {} : { extra_writable: extraWritable }),
    ...(binds.length === 0 ? {} : { binds }),
    ...(shareNet === undefined ? {} : { share_net: shareNet }),
    ...(passthrough === undefined ? {} : { env_passthrough: passthrough }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    uid_mode: request.uidMode,
    idle_timeout_seconds: request.idleTimeoutSeconds,
  };
}

export function formatCreated(session: IsolatedSession): Json {
  return { session_id: session.id, created_at: isoTime(session.createdAt), ...formatRequest(session) };
}

export function formatState(session: IsolatedSession, clock: Clock): Json {
  const remaining = remainingSeconds(session, clock);
  return {
    status: statusOf(session),
    ...times(session),
    idle_remaining_seconds: remaining ?? null,
    ...formatRequest(session),
  };
}

export function formatSummary(session: IsolatedSession, clock: Clock): Json {
  const remaining = remainingSeconds(session, clock);
  return {
    session_id: session.id,
    status: statusOf(session),
    ...times(session),
    ...(remaining === undefined ? {} : { idle_remaining_seconds: remaining }),
  };
}

/** Undefined when the session is not ended for being idle. */
function remainingSeconds(session: IsolatedSession, clock: Clock): number | undefined {
  if (session.request.idleTimeoutSeconds === 0) return undefined;
  return Math.max(0, Math.ceil((idleEnd(session, clock) - clock.now()) / 1000));
}
