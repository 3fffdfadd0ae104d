import { deadline, Fault, isFault, sleep, toFault } from '@opensandbox/base';
import type { Scope } from '@opensandbox/base';
import { agentFault } from '../error-envelope.ts';
import type { AgentEvent } from '../events/agent-event.ts';
import { openEventStream } from '../events/event-stream.ts';
import type { EventStream } from '../events/event-stream.ts';
import { notInterrupted } from '../interrupt.ts';
import type { Interruptible } from '../interrupt.ts';
import type { CodeContext, ContextRun, Contexts } from './contexts.ts';
import { notConfigured } from './contexts.ts';
import { execute } from './execution.ts';
import type { ExecutionEnd } from './execution.ts';
import { connectKernel, prepareKernel, watchKernel } from './kernel-care.ts';
import type { KernelCareDeps } from './kernel-care.ts';
import type { KernelChannel } from './kernel-channel.ts';
import { kernelError } from './kernel-events.ts';

export interface CodeRequest {
  readonly code: string;
  readonly language: string;
  /** The context to run in; the language's own when it is undefined. */
  readonly contextId: string | undefined;
}

/** Code that kernels run. */
export interface Code extends Interruptible {
  /** Undefined when this agent knows no Jupyter server. */
  readonly contexts: Contexts | undefined;
  /** Starts the code and answers with its events. The kernel goes on when the client leaves. */
  run(request: CodeRequest, requestSignal: AbortSignal): Promise<Response>;
}

export interface CodeDeps extends KernelCareDeps {
  readonly scope: Scope;
}

/** The owner of the id waits meanwhile to be interrupted. */
const LONGEST_SEARCH_MS = 2000;

/** Without a Jupyter server every attempt to run code says so at once. */
export function createCode(deps: CodeDeps | undefined): Code {
  return {
    contexts: deps?.contexts,
    async run(request, requestSignal) {
      try {
        if (deps === undefined) throw notConfigured();
        return await start(deps, request, requestSignal);
      } catch (error) {
        throw codeFault('error running codes', error);
      }
    },
    async owns(id) {
      if (deps === undefined) return false;
      // A server that does not answer cannot say: then the id is somebody else's, or nobody's.
      const late = (): Fault => new Fault('timeout', 'code.find_late', 'The Jupyter server does not answer.');
      using limit = deadline(deps.clock, LONGEST_SEARCH_MS, deps.scope.signal, late);
      const found = await deps.contexts.find(id, limit.signal).catch(() => undefined);
      return found !== undefined;
    },
    async interrupt(id, signal) {
      const context = await deps?.contexts.find(id, signal);
      if (deps === undefined || context === undefined) throw notInterrupted('no such session');
      await interruptContext(deps, context, signal);
    },
  };
}

/** The Fault a client reads: always its prefix, and 500 for everything that is not the client's mistake. */
export function codeFault(prefix: string, error: unknown): Error {
  const fault = toFault(error);
  if (fault.code === 'operation.cancelled') return fault;
  const reason = error instanceof Fault ? fault.message : 'an unexpected error occurred';
  const options = error instanceof Fault ? {} : { cause: error };
  return agentFault('internal', 'RUNTIME_ERROR', `${prefix} ${reason}`, options);
}

async function start(deps: CodeDeps, request: CodeRequest, requestSignal: AbortSignal): Promise<Response> {
  const context = await contextFor(deps.contexts, request, requestSignal);
  if (context.run !== undefined) throw new Fault('conflict', 'code.busy', 'session is busy');
  let started: () => void = () => undefined;
  const run: ContextRun = { started: new Promise((resolve) => (started = resolve)) };
  context.run = run;
  const finish = (): void => {
    started();
    if (context.run === run) context.run = undefined;
  };
  let channel: KernelChannel;
  try {
    channel = await connectKernel(deps, context, requestSignal);
  } catch (error) {
    finish();
    throw error;
  }
  const stream = openEventStream(deps.clock, requestSignal);
  deps.scope.run('code', async (signal) => {
    try {
      await tell(deps, { context, channel, stream, code: request.code, started, finish }, signal);
    } finally {
      finish();
      channel[Symbol.dispose]();
      stream.end();
    }
  });
  return stream.response;
}

async function contextFor(
  contexts: Contexts,
  request: CodeRequest,
  signal: AbortSignal,
): Promise<CodeContext> {
  if (request.contextId === undefined) return contexts.defaultOf(request.language, signal);
  const context = await contexts.find(request.contextId, signal);
  if (context === undefined) throw new Fault('not_found', 'code.no_context', 'context not found');
  return context;
}

interface Telling {
  readonly context: CodeContext;
  readonly channel: KernelChannel;
  readonly stream: EventStream;
  readonly code: string;
  readonly started: () => void;
  /** Makes the context free for the next code. */
  readonly finish: () => void;
}

/** Tells a client about its code, from `init` to the end. An error of the code is followed by the end, too. */
async function tell(deps: CodeDeps, telling: Telling, signal: AbortSignal): Promise<void> {
  const { context, channel, stream, code, started } = telling;
  await stream.send({ type: 'init', text: context.id });
  const startedAt = deps.clock.now();
  let end: ExecutionEnd;
  const over = new AbortController();
  const gone = new AbortController();
  const running = AbortSignal.any([signal, gone.signal]);
  void watchKernel(deps, context, AbortSignal.any([signal, over.signal])).then(
    () => gone.abort(),
    () => undefined, // the code has ended before its kernel
  );
  try {
    await prepareKernel(deps, context, channel, running);
    const emit = (event: AgentEvent): Promise<void> => stream.send(event);
    const { clock, idlePollMs } = deps;
    end = await execute({ clock, idlePollMs, channel, emit, started }, { code, silent: false }, running);
  } catch (error) {
    if (!gone.signal.aborted) deps.log.warn('code.failed', { context: context.id, error: toFault(error) });
    end = 'dead';
  } finally {
    over.abort();
  }
  const took = Math.max(0, deps.clock.now() - startedAt);
  telling.finish(); // before the last event: a client may send its next code as soon as it has read it
  if (end === 'done') await stream.send({ type: 'execution_complete', execution_time: took });
  else await stream.send(lost(deps, context, end));
}

function lost(deps: CodeDeps, context: CodeContext, end: Exclude<ExecutionEnd, 'done'>): AgentEvent {
  // Its successor knows nothing: neither variables nor directory. The next code sees to that.
  context.isSuspect = true;
  context.isPlaced = false;
  if (context.isDeleted) return kernelError('the context was deleted while its code ran');
  deps.log.warn('code.kernel_lost', { context: context.id, end });
  if (end === 'disconnected') return kernelError('the connection to the kernel was lost');
  return kernelError('the kernel died; the next code in this context gets a new one');
}

/**
 * How long an interrupt waits for the kernel to begin with the code; before, it would reach nobody and be forgotten.
 * A kernel that takes longer is interrupted when it begins.
 */
const LONGEST_START_MS = 1000;

async function interruptContext(deps: CodeDeps, context: CodeContext, signal: AbortSignal): Promise<void> {
  const { run } = context;
  const enough = new AbortController();
  const limit = sleep(deps.clock, LONGEST_START_MS, enough.signal).then(
    () => 'late' as const,
    () => undefined,
  );
  const waited = await Promise.race([run?.started, limit]);
  enough.abort();
  try {
    await deps.jupyter.interruptKernel(context.kernelId, signal);
  } catch (error) {
    if (!isFault(error)) throw error;
    throw notInterrupted(error.message);
  }
  if (run !== undefined && waited === 'late')
    deps.scope.run('interrupt', () => interruptLater(deps, context, run));
}

/** Meets a run that had not begun. One that is over has called `started` as well, and is the context's no more. */
async function interruptLater(deps: CodeDeps, context: CodeContext, run: ContextRun): Promise<void> {
  await run.started;
  if (context.run !== run) return;
  try {
    await deps.jupyter.interruptKernel(context.kernelId, deps.scope.signal);
  } catch (error) {
    deps.log.warn('code.not_interrupted', { context: context.id, error });
  }
}
