import { randomUUID } from 'node:crypto';
import type { Clock, Scope } from '@opensandbox/base';
import type { StartProgram } from './program.ts';
import { PtySession } from './session.ts';

/**
 * How long a session without client and program is kept, and how many there may be before the oldest goes. Of their
 * output no more is kept than all of them may take together.
 */
export const IDLE_SESSIONS = { keepMs: 60 * 60 * 1000, most: 10_000, replayBytes: 32 * 1024 * 1024 };

export interface PtySessions {
  create(cwd: string, command: string): PtySession;
  find(id: string): PtySession | undefined;
  /** Ends what runs in it and forgets it; false when there is no such session. */
  remove(id: string): boolean;
  /** Ends all programs and lets their clients go. */
  stop(): void;
}

export interface PtySessionsDeps {
  readonly clock: Clock;
  readonly scope: Scope;
  readonly start: StartProgram;
}

export function createPtySessions(deps: PtySessionsDeps, limits = IDLE_SESSIONS): PtySessions {
  const sessions = new Map<string, PtySession>();
  /** In the order in which they became idle. */
  const idle = new Map<string, Disposable>();

  function forget(id: string): void {
    idle.get(id)?.[Symbol.dispose]();
    idle.delete(id);
    sessions.delete(id);
  }

  function look(session: PtySession): void {
    const { id } = session;
    idle.get(id)?.[Symbol.dispose]();
    idle.delete(id);
    if (!session.isIdle || !sessions.has(id)) return;
    idle.set(
      id,
      deps.clock.at(deps.clock.now() + limits.keepMs, () => forget(id)),
    );
    const [oldest] = idle.keys();
    if (sessions.size > limits.most && oldest !== undefined && oldest !== id) forget(oldest);
    limitReplays();
  }

  function limitReplays(): void {
    const kept = [...idle.keys()].flatMap((id) => sessions.get(id) ?? []);
    let bytes = kept.reduce((sum, { replayBytes }) => sum + replayBytes, 0);
    for (const session of kept) {
      if (bytes <= limits.replayBytes) return;
      bytes -= session.replayBytes;
      session.dropReplay();
    }
  }

  return {
    create(cwd, command) {
      const id = randomUUID();
      const session: PtySession = new PtySession(
        { ...deps, onChange: () => look(session) },
        { id, cwd, command },
      );
      sessions.set(id, session);
      look(session);
      return session;
    },
    find: (id) => sessions.get(id),
    remove(id) {
      const session = sessions.get(id);
      if (session === undefined) return false;
      forget(id);
      session.destroy();
      return true;
    },
    stop() {
      for (const session of sessions.values()) session.stop();
    },
  };
}
