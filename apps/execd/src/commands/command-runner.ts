import type { Scope } from '@opensandbox/base';
import type { OutputPipe, ProcessExit, ProcessGroup } from '@opensandbox/process';
import { exitNumber, exitText, terminateGroup } from '@opensandbox/process';
import { commandError, runtimeError } from '../events/agent-event.ts';
import type { AgentEvent } from '../events/agent-event.ts';
import { openEventStream } from '../events/event-stream.ts';
import type { EventStream } from '../events/event-stream.ts';
import { notInterrupted } from '../interrupt.ts';
import type { CommandGroup, CommandRecord } from './command-record.ts';
import type { CommandRequest } from './command-request.ts';
import { limitOutput } from './output-limit.ts';
import { startCommand } from './start-command.ts';
import type { CommandDeps, StartedCommand } from './start-command.ts';
import { tellLines } from './tell-lines.ts';

const INTERRUPT = { graceMs: 3000, pollMs: 50, confirmMs: 150 };

export interface CommandRunner {
  /** Starts the command and answers with its events. It runs on when the client goes away. */
  run(request: CommandRequest, requestSignal: AbortSignal): Promise<Response>;
  /** Ends a running command: asks its processes first, then kills them. */
  interrupt(id: string, signal: AbortSignal): Promise<void>;
  find(id: string): CommandRecord | undefined;
  /** Ends everything that runs. */
  stopAll(graceMs: number, signal: AbortSignal): Promise<void>;
}

export function createCommandRunner(deps: CommandDeps, scope: Scope): CommandRunner {
  async function end(group: CommandGroup | undefined, graceMs: number, signal: AbortSignal): Promise<void> {
    if (group === undefined) return;
    await terminateGroup(group, { ...INTERRUPT, graceMs, clock: deps.clock }, signal);
  }

  return {
    async run(request, requestSignal) {
      const started = await startCommand(deps, request);
      const stream = openEventStream(deps.clock, requestSignal);
      scope.run('command', () => tell(deps, { started, request, stream }));
      const { id, outcome } = started;
      if ('group' in outcome && outcome.output.kind === 'kept') {
        scope.run('output-limit', (signal) => limitOutput(deps, { id, group: outcome.group }, signal));
      }
      return stream.response;
    },
    async interrupt(id, signal) {
      const record = deps.records.get(id);
      if (record === undefined) throw notInterrupted('no such session');
      if (record.end !== undefined) throw notInterrupted(`command session ${id} is not running`);
      await end(record.group, INTERRUPT.graceMs, signal);
    },
    find: (id) => deps.records.get(id),
    async stopAll(graceMs, signal) {
      await Promise.all(deps.records.running().map((record) => end(record.group, graceMs, signal)));
    },
  };
}

interface Telling {
  readonly started: StartedCommand;
  readonly request: CommandRequest;
  readonly stream: EventStream;
}

/** Tells a client about its command, from `init` to the one event that ends it. */
async function tell(deps: CommandDeps, telling: Telling): Promise<void> {
  const { started, stream } = telling;
  try {
    await stream.send({ type: 'init', text: started.id });
    const { outcome } = started;
    if ('failure' in outcome) {
      await stream.send(commandError(outcome.failure, outcome.failure));
    } else if (outcome.output.kind === 'kept') {
      await stream.send(completed(deps, started));
      stream.end();
      await awaitEnd(deps, telling, outcome.group);
    } else {
      await stream.send(await follow(deps, telling, { group: outcome.group, ...outcome.output }));
    }
  } catch (error) {
    deps.log.error('command.stream_failed', { id: started.id, error });
    await stream.send(runtimeError('the output of the command could not be read'));
  } finally {
    stream.end();
  }
}

interface Followed {
  readonly group: ProcessGroup;
  readonly stdout: OutputPipe;
  readonly stderr: OutputPipe;
}

/** Streams the output of a foreground command and returns the event that ends it. */
async function follow(
  deps: CommandDeps,
  telling: Telling,
  { group, stdout, stderr }: Followed,
): Promise<AgentEvent> {
  const ended = new AbortController();
  const exit = awaitEnd(deps, telling, group).finally(() => ended.abort());
  const { partialLines } = telling.request;
  const tell = (type: 'stdout' | 'stderr', pipe: OutputPipe): Promise<void> => {
    return tellLines(telling.stream, { type, pipe, ended: ended.signal, clock: deps.clock, partialLines });
  };
  await Promise.all([exit, tell('stdout', stdout), tell('stderr', stderr)]);
  const result = await exit;
  const text = exitText(result);
  return text === '' ? completed(deps, telling.started) : commandError(String(exitNumber(result)), text);
}

function completed(deps: CommandDeps, started: StartedCommand): AgentEvent {
  return { type: 'execution_complete', execution_time: Math.max(0, deps.clock.now() - started.startedAt) };
}

/** Waits for the leader of a command, kills its group when its time is up, and records how it ended. */
async function awaitEnd(deps: CommandDeps, telling: Telling, group: ProcessGroup): Promise<ProcessExit> {
  const { started, request } = telling;
  const timer =
    request.timeoutMs === undefined
      ? undefined
      : deps.clock.at(started.startedAt + request.timeoutMs, () => void group.signal('SIGKILL'));
  const exit = await group.exited;
  timer?.[Symbol.dispose]();
  deps.records.finish(started.id, { exit, error: exitText(exit) });
  deps.log.info('command.end', { id: started.id, exitCode: exitNumber(exit) });
  return exit;
}
