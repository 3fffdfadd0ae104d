import { randomUUID } from 'node:crypto';
import type { Clock } from '@opensandbox/base';
import { agentFault } from '../error-envelope.ts';
import type { Capabilities } from './capabilities.ts';
import { findCapabilities } from './capabilities.ts';
import type { SessionSpec } from './inside/session-spec.ts';
import type { IsolationConfig } from './isolation-config.ts';
import { DEFAULT_ISOLATION, loadIsolationConfig } from './isolation-config.ts';
import { placeOf, removePlace } from './isolator.ts';
import type { SessionPlace, SessionProcess } from './isolator.ts';
import { removeLeftovers } from './leftovers.ts';
import type { MakeSessionDeps } from './make-session.ts';
import { requireRoom, specOf, startSession } from './make-session.ts';
import type { SessionRequest } from './session-request.ts';

export interface IsolatedSessionsDeps extends MakeSessionDeps {
  /** The file of settings, if there is one. */
  readonly configPath: string | undefined;
}

export interface IsolatedSession {
  readonly id: string;
  readonly request: SessionRequest;
  readonly spec: SessionSpec;
  readonly place: SessionPlace;
  readonly process: SessionProcess;
  readonly createdAt: number;
  lastRunAt: number;
  lastUseAt: number;
  /** Requests that are being answered: a session in use is not idle. */
  busy: number;
  idleTimer: Disposable | undefined;
}

const UNAVAILABLE = 'isolation unavailable';

/** The isolated sessions of this agent. They are known to it alone and end with it. */
export class IsolatedSessions {
  readonly #deps: IsolatedSessionsDeps;
  readonly #sessions = new Map<string, IsolatedSession>();
  #config: IsolationConfig = DEFAULT_ISOLATION;
  #found: Promise<Capabilities> | undefined;
  #cleared: Promise<void> | undefined;

  constructor(deps: IsolatedSessionsDeps) {
    this.#deps = deps;
  }

  get config(): IsolationConfig {
    return this.#config;
  }

  /** Found out at the first question: it takes longer than the agent may take to start. */
  capabilities(): Promise<Capabilities> {
    this.#found ??= this.#explore().catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      this.#deps.log.error('isolation.unavailable', { message });
      return { available: false, message, setpriv: false, userns: false, overlay: false };
    });
    return this.#found;
  }

  async #explore(): Promise<Capabilities> {
    await this.clearLeftovers();
    return findCapabilities(this.#deps, this.#config);
  }

  /** Ends and removes, once, the sessions of an agent before this one. */
  clearLeftovers(): Promise<void> {
    this.#cleared ??= this.#clear();
    return this.#cleared;
  }

  async #clear(): Promise<void> {
    this.#config = await loadIsolationConfig(this.#deps.configPath);
    await removeLeftovers(this.#config.upperRoot);
  }

  /** Rejects unless sessions can be made here. Comes before anything of a request is looked at. */
  async requireAvailable(): Promise<void> {
    if (!(await this.capabilities()).available) {
      throw agentFault('unavailable', 'SERVICE_UNAVAILABLE', UNAVAILABLE);
    }
  }

  async create(request: SessionRequest, signal: AbortSignal): Promise<IsolatedSession> {
    const { setpriv, userns } = await this.capabilities();
    if (!(request.uidMode === 'userns' ? userns : setpriv)) {
      throw agentFault('unavailable', 'NOT_SUPPORTED', `uid_mode "${request.uidMode}" is not available here`);
    }
    const id = randomUUID();
    const place = placeOf(this.#config.upperRoot, id);
    const spec = await specOf(this.#deps, this.#config, request, place);
    if (request.workspace.mode === 'overlay') await requireRoom(this.#config);
    const shareNet = request.shareNet ?? true;
    const process = await startSession(this.#deps, spec, place, { shareNet, signal });
    const now = this.#deps.clock.now();
    const times = { createdAt: now, lastRunAt: now, lastUseAt: now };
    const state = { ...times, busy: 0, idleTimer: undefined };
    const session: IsolatedSession = { id, request, spec, place, process, ...state };
    this.#sessions.set(id, session);
    if (request.idleTimeoutSeconds > 0) this.#watchIdle(session);
    this.#deps.log.info('isolation.session_created', { session: id, mode: request.workspace.mode });
    return session;
  }

  list(): IsolatedSession[] {
    return [...this.#sessions.values()].sort((a, b) => a.createdAt - b.createdAt);
  }

  /** Throws `SESSION_NOT_FOUND`. */
  get(id: string): IsolatedSession {
    const session = this.#sessions.get(id);
    if (session === undefined) throw agentFault('not_found', 'SESSION_NOT_FOUND', 'session not found');
    return session;
  }

  /** Ends all that runs in it; what it kept apart is gone then. */
  async end(session: IsolatedSession): Promise<void> {
    this.#sessions.delete(session.id);
    session.idleTimer?.[Symbol.dispose]();
    session.process.kill();
    await session.process.exited;
    await removePlace(session.place).catch((error: unknown) => {
      this.#deps.log.warn('isolation.not_removed', { session: session.id, error: String(error) });
    });
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => this.end(session)));
  }

  #watchIdle(session: IsolatedSession): void {
    const { clock, log } = this.#deps;
    const wait = (): void => void (session.idleTimer = clock.at(idleEnd(session, clock), look));
    const look = (): void => {
      if (clock.now() < idleEnd(session, clock)) wait();
      else void this.end(session).then(() => log.info('isolation.idle_ended', { session: session.id }));
    };
    wait();
  }
}

/** When the session's time without use is over. While it is used, that has not begun. */
export function idleEnd(session: IsolatedSession, clock: Pick<Clock, 'now'>): number {
  const from = session.busy > 0 ? clock.now() : session.lastUseAt;
  return from + session.request.idleTimeoutSeconds * 1000;
}

/** Counts as use of a session from now until what is returned is called. */
export function beginUse(session: IsolatedSession, clock: Pick<Clock, 'now'>): () => void {
  session.busy += 1;
  session.lastUseAt = clock.now();
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    session.busy -= 1;
    session.lastUseAt = clock.now();
  };
}
