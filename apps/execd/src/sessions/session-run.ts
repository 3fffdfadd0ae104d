import { randomBytes } from 'node:crypto';
import type { Clock, Logger } from '@opensandbox/base';
import type {
  Delivery,
  OutputDirectory,
  OutputPipe,
  PipeSystem,
  ProcessExit,
  ProcessGroup,
} from '@opensandbox/process';
import { exitNumber, exitText, openOutputPipe, spawnGroup } from '@opensandbox/process';
import { commandError, runtimeError } from '../events/agent-event.ts';
import type { AgentEvent } from '../events/agent-event.ts';
import { LONGEST_EVENT_BYTES } from '../events/event-line.ts';
import { formatGoDuration } from '../go-duration.ts';
import { createMergedLines } from './merged-lines.ts';
import { createRunFile } from './run-file.ts';
import type { RunFile } from './run-file.ts';
import type { RunReport } from './run-script.ts';
import { changeDirectory, parseReport, shellArguments } from './run-script.ts';
import type { ByteText, RunEnvironment } from './session-environment.ts';
import { toText } from './session-environment.ts';

/** What a client hears of a run. */
export interface RunListener {
  /** Resolves when there is room for more. */
  send(event: AgentEvent): Promise<void>;
  /** Takes many lines of output at once, each an event of its own; without it they go through `send`. */
  sendLines?(type: 'stdout', lines: readonly string[]): Promise<void>;
  /** Aborts when the client went away: the run is stopped then. */
  readonly gone: AbortSignal;
}

/** How a run is stopped when its time is up or its client is gone: killed at once, or interrupted first. */
export type StopMethod = 'kill' | 'interrupt';

export interface RunDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly outputs: OutputDirectory;
  readonly pipes: PipeSystem;
  /** The program and first arguments of a shell. */
  readonly shell: () => readonly [string, ...string[]];
  /** The words of a program that prints its own environment, each variable ended by a zero. */
  readonly reporter: () => readonly ByteText[];
  readonly stop: StopMethod;
}

export interface RunPlan {
  readonly sessionId: string;
  readonly code: string;
  readonly directory: ByteText;
  readonly environment: RunEnvironment;
  readonly timeoutMs: number | undefined;
  /** Takes what the run left behind, when it came to its end, before the client hears of that. */
  readonly onReport: (report: RunReport) => void;
}

/** One run of a session, started. */
export interface SessionRun {
  /** Tells its events, from `init` to the one that ends it; resolves when all is told. */
  tell(listener: RunListener): Promise<void>;
  /** Ends it at once and all it started; it tells so. */
  kill(): void;
  readonly group: ProcessGroup;
}

/** How long an interrupted run may go on. */
const INTERRUPT_GRACE_MS = 3000;
/** More than the kernel lets a shell have, twice. */
const LONGEST_REPORT = 16 * 1024 * 1024;
/** Any directory that surely exists, for a shell that goes to its own by itself. */
const ROOT = '/';

/** Starts a shell for one run. Rejects when that cannot be done; nothing is left behind then. */
export async function startSessionRun(deps: RunDeps, plan: RunPlan): Promise<SessionRun> {
  const nonce = randomBytes(16).toString('hex');
  const { outputs, pipes } = deps;
  const cwd = toText(plan.directory);
  const prelude = plan.environment.prelude + (cwd === undefined ? changeDirectory(plan.directory) : '');
  const startedAt = deps.clock.now();
  const file = createRunFile(outputs, `${nonce}.run`, Buffer.from(plan.code.replaceAll('\0', '')));
  let preludeFile: RunFile | undefined;
  let output: OutputPipe | undefined;
  try {
    if (prelude !== '') preludeFile = createRunFile(outputs, `${nonce}.env`, Buffer.from(prelude, 'latin1'));
    output = outputs.place(`${nonce}.out`, (path) => openOutputPipe(path, pipes));
    const [shell, ...prefix] = deps.shell();
    const script = { path: file.path, preludePath: preludeFile?.path, nonce, reporter: deps.reporter() };
    const group = await spawnGroup({
      file: shell,
      args: [...prefix, ...shellArguments(prefix.at(-1) ?? shell, script)],
      cwd: cwd ?? ROOT,
      env: cwd === undefined ? plan.environment.env : { ...plan.environment.env, PWD: cwd },
      stdout: output.programFd,
      stderr: output.programFd,
    });
    output.handedOver();
    return sessionRun(deps, plan, { group, output, file, preludeFile, nonce, startedAt });
  } catch (error) {
    output?.discard();
    preludeFile?.close();
    file.close();
    throw error;
  }
}

interface Started {
  readonly group: ProcessGroup;
  readonly output: OutputPipe;
  readonly file: RunFile;
  readonly preludeFile: RunFile | undefined;
  readonly nonce: string;
  readonly startedAt: number;
}

function sessionRun(deps: RunDeps, plan: RunPlan, started: Started): SessionRun {
  const { clock, log } = deps;
  const { group, output } = started;
  const ended = new AbortController();
  const timers: Disposable[] = [];
  let isLate = false;

  function stop(): void {
    if (ended.signal.aborted) return;
    group.signal(deps.stop === 'kill' ? 'SIGKILL' : 'SIGINT');
    if (deps.stop === 'interrupt') {
      timers.push(clock.at(clock.now() + INTERRUPT_GRACE_MS, () => void group.signal('SIGKILL')));
    }
  }
  function stopLate(): void {
    isLate = true;
    stop();
  }
  if (plan.timeoutMs !== undefined) timers.push(clock.at(started.startedAt + plan.timeoutMs, stopLate));

  const exited = group.exited.then((exit) => {
    for (const timer of timers) timer[Symbol.dispose]();
    try {
      takeReport(plan, started);
    } catch (error) {
      log.error('session.report_failed', { session: plan.sessionId, error });
    }
    ended.abort();
    return exit;
  });

  return {
    group,
    kill: () => void group.signal('SIGKILL'),
    async tell(listener) {
      listener.gone.addEventListener('abort', stop, { once: true });
      if (listener.gone.aborted) stop();
      await listener.send({ type: 'init', text: plan.sessionId });
      await tellOutput(output, listener, { clock, ended: ended.signal });
      const exit = await exited;
      listener.gone.removeEventListener('abort', stop);
      const executionTime = Math.max(0, clock.now() - started.startedAt);
      await listener.send(isLate ? timeout(plan) : endEvent(exit, executionTime));
    },
  };
}

async function tellOutput(
  output: OutputPipe,
  listener: RunListener,
  { clock, ended }: Pick<Delivery, 'clock' | 'ended'>,
): Promise<void> {
  const lines = createMergedLines(LONGEST_EVENT_BYTES);
  const sendAll = async (texts: readonly string[]): Promise<void> => {
    if (listener.sendLines !== undefined) return listener.sendLines('stdout', texts);
    for (const text of texts) await listener.send({ type: 'stdout', text });
  };
  const onBytes = async (bytes: Uint8Array): Promise<void> => {
    if (!listener.gone.aborted) await sendAll(lines.push(bytes));
  };
  await output.deliver({ clock, ended, onBytes });
  await sendAll(lines.finish());
}

function timeout(plan: RunPlan): AgentEvent {
  return runtimeError(`timeout after ${formatGoDuration(plan.timeoutMs ?? 0)}`);
}

function endEvent(exit: ProcessExit, executionTime: number): AgentEvent {
  const text = exitText(exit);
  if (text !== '') return commandError(String(exitNumber(exit)), text);
  return { type: 'execution_complete', execution_time: executionTime };
}

/** Hands on what the shell reported, and gives up its files. */
function takeReport(plan: RunPlan, { file, preludeFile, nonce }: Started): void {
  try {
    const report = parseReport(file.appended(LONGEST_REPORT), nonce);
    if (report !== undefined) plan.onReport(report);
  } finally {
    file.close();
    preludeFile?.close();
  }
}
