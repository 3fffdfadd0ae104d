import { randomUUID } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { errorText, expandPath, terminateGroup } from '@opensandbox/process';
import { resolveWorkingDirectory } from '../commands/working-directory.ts';
import { agentFault } from '../error-envelope.ts';
import type { Interruptible } from '../interrupt.ts';
import { maskSecrets } from '../mask-secrets.ts';
import type { RunReport } from './run-script.ts';
import type { ByteText } from './session-environment.ts';
import { environmentChanges, runEnvironment, toBytes } from './session-environment.ts';
import type { SessionRunRequest } from './session-request.ts';
import type { RunDeps, SessionRun } from './session-run.ts';
import { startSessionRun } from './session-run.ts';

export interface SessionDeps extends RunDeps {
  /** What a session begins with. Asked for each run, so that what is added there is seen. */
  readonly environment: () => Readonly<Record<string, string>>;
  readonly cwd: string;
}

/**
 * Shell sessions. Every run has a shell of its own; exported variables and the directory go from one run to those
 * that start after it. Runs of one session may overlap: each adds what it changed when it ends.
 */
export interface Sessions extends Interruptible {
  /** Makes a session that begins in `cwd`, which is made when it is missing. Returns its id. */
  create(cwd: string): string;
  /** Starts a run. Rejects with a Fault while there is nothing to tell yet. */
  run(id: string, request: SessionRunRequest): Promise<SessionRun>;
  /** Kills what runs and forgets the session. Throws `CONTEXT_NOT_FOUND`. */
  delete(id: string): void;
  /** Ends everything that runs: asks first, kills after the grace time. */
  stopAll(graceMs: number, signal: AbortSignal): Promise<void>;
}

interface Session {
  readonly id: string;
  directory: ByteText;
  readonly changes: Map<string, ByteText | undefined>;
  readonly active: Set<SessionRun>;
}

const STOP = { pollMs: 50, confirmMs: 150 };

export function createSessions(deps: SessionDeps): Sessions {
  const sessions = new Map<string, Session>();

  function remove(id: string): boolean {
    const session = sessions.get(id);
    sessions.delete(id);
    for (const run of session?.active ?? []) run.kill();
    return session !== undefined;
  }

  return {
    create(cwd) {
      const id = randomUUID();
      const directory = toBytes(makeDirectory(deps, cwd));
      sessions.set(id, { id, directory, changes: new Map(), active: new Set() });
      return id;
    },
    async run(id, request) {
      const session = sessions.get(id);
      if (session === undefined) throw notRun('context not found');
      const run = await startIn(deps, session, request);
      session.active.add(run);
      void run.group.exited.then(() => session.active.delete(run));
      if (!sessions.has(id)) run.kill(); // deleted while the shell was started
      return run;
    },
    delete(id) {
      if (!remove(id)) throw agentFault('not_found', 'CONTEXT_NOT_FOUND', `session ${id} not found`);
    },
    owns: (id) => sessions.has(id),
    interrupt: async (id) => void remove(id),
    async stopAll(graceMs, signal) {
      const runs = [...sessions.values()].flatMap((session) => [...session.active]);
      const options = { ...STOP, graceMs, clock: deps.clock };
      await Promise.all(runs.map((run) => terminateGroup(run.group, options, signal)));
    },
  };
}

async function startIn(deps: SessionDeps, session: Session, request: SessionRunRequest): Promise<SessionRun> {
  const environment = runEnvironment(deps.environment(), session.changes, request.envs);
  if (request.cwd !== '') {
    session.directory = toBytes(
      resolve(deps.cwd, resolveWorkingDirectory(request.cwd, environment.env, deps.cwd)),
    );
  }
  const { directory } = session;
  checkDirectory(directory);
  deps.log.info('session.run', { session: session.id, command: maskSecrets(request.command) });
  try {
    return await startSessionRun(deps, {
      sessionId: session.id,
      code: request.command,
      directory,
      environment,
      timeoutMs: request.timeoutMs,
      onReport: (report) => remember(session, report, { directory, variables: environment.before }),
    });
  } catch (error) {
    throw notRun(error instanceof Error ? error.message : String(error));
  }
}

/** Adds what one run changed to what the session knows; what it left alone stays as others left it. */
function remember(
  session: Session,
  report: RunReport,
  before: { readonly directory: ByteText; readonly variables: ReadonlyMap<string, ByteText> },
): void {
  if (report.directory !== '' && report.directory !== before.directory) session.directory = report.directory;
  if (report.variables === undefined) return;
  for (const [name, value] of environmentChanges(before.variables, report.variables)) {
    session.changes.set(name, value);
  }
}

function makeDirectory(deps: SessionDeps, cwd: string): string {
  if (cwd === '') return deps.cwd;
  const expanded = expandPath(cwd, deps.environment());
  if ('missing' in expanded) {
    throw notCreated(
      'invalid',
      `path references undefined environment variables: ${expanded.missing.join(',')}`,
    );
  }
  if ('noHome' in expanded) throw notCreated('invalid', 'HOME is not set');
  const directory = resolve(deps.cwd, expanded.path);
  try {
    mkdirSync(directory, { recursive: true });
    return directory;
  } catch (error) {
    throw notCreated('internal', `mkdir ${directory}: ${errorText(error)}`);
  }
}

/** The remembered directory may have been removed. A run elsewhere could do harm. */
function checkDirectory(directory: ByteText): void {
  const path = Buffer.from(directory, 'latin1');
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return;
  const message = `working directory does not exist: ${path.toString()}`;
  throw agentFault('invalid', 'INVALID_REQUEST_BODY', message);
}

function notCreated(kind: 'invalid' | 'internal', reason: string): Error {
  const code = kind === 'invalid' ? 'INVALID_REQUEST_BODY' : 'RUNTIME_ERROR';
  return agentFault(kind, code, `error creating session. ${reason}`);
}

function notRun(reason: string): Error {
  return agentFault('internal', 'RUNTIME_ERROR', `error running in session. ${reason}`);
}
