import { randomUUID } from 'node:crypto';
import { deadline, Fault, isFault } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';
import type { AgentEvent } from '../events/agent-event.ts';
import type { KernelChannel } from './kernel-channel.ts';
import { errorOf, eventsOfMessage } from './kernel-events.ts';
import { executeContent, formatShellMessage } from './kernel-message.ts';
import type { KernelMessage, ShellMessage } from './kernel-message.ts';

export interface ExecutionDeps {
  readonly clock: Clock;
  readonly channel: KernelChannel;
  /** How long to wait for results that come after the kernel said it was done. */
  readonly idlePollMs: number;
  readonly emit: (event: AgentEvent) => Promise<void>;
  /** Called when the kernel has begun with the code: from here on an interrupt reaches it. */
  readonly started: () => void;
}

export interface ExecutionRequest {
  readonly code: string;
  readonly silent: boolean;
}

/** How it ended: the kernel is done with the code, or there is no such kernel any more. */
export type ExecutionEnd = 'done' | 'restarting' | 'dead' | 'disconnected';

interface Progress {
  id: string;
  isIdle: boolean;
  isReplied: boolean;
  hasError: boolean;
  /** The reply, when it tells of an error. */
  failure: Readonly<Record<string, unknown>> | undefined;
  /** How often the kernel threw the request away, as it does with what waits behind a failing one. */
  refusals: number;
}

const MOST_REFUSALS = 5;

/**
 * Runs code on a kernel and tells what it says about it. Only messages that belong to this request count: others
 * of the same kernel have their own. It is over when the kernel has both answered and become idle.
 */
export async function execute(
  deps: ExecutionDeps,
  request: ExecutionRequest,
  signal: AbortSignal,
): Promise<ExecutionEnd> {
  const session = randomUUID();
  const progress: Progress = {
    id: '',
    isIdle: false,
    isReplied: false,
    hasError: false,
    failure: undefined,
    refusals: 0,
  };
  const send = (type: ShellMessage['type'], content: ShellMessage['content']): string => {
    const id = randomUUID();
    deps.channel.send(formatShellMessage({ id, session, type, content }, deps.clock.now()));
    return id;
  };
  const ask = (): void => {
    progress.id = send('execute_request', executeContent(request.code, request.silent));
  };

  ask();
  while (!progress.isIdle || !progress.isReplied) {
    const message = await deps.channel.receive(signal);
    if (message === undefined) return 'disconnected';
    const lost = kernelLoss(message);
    if (lost !== undefined) return lost;
    if (message.parent !== progress.id) continue;
    if (isRefusal(message) && progress.refusals < MOST_REFUSALS) {
      progress.refusals += 1;
      progress.isIdle = false;
      ask();
      continue;
    }
    await take(deps, progress, message);
  }
  await takeLate(deps, progress, send('kernel_info_request', {}), signal);
  return 'done';
}

/** A kernel that ended says so itself through the server: these messages belong to no request. */
function kernelLoss(message: KernelMessage): 'restarting' | 'dead' | undefined {
  if (message.type !== 'status') return undefined;
  const state = message.content['execution_state'];
  if (state === 'dead') return 'dead';
  return state === 'restarting' || state === 'autorestarting' ? 'restarting' : undefined;
}

function isRefusal(message: KernelMessage): boolean {
  return message.type === 'execute_reply' && message.content['status'] === 'aborted';
}

async function take(deps: ExecutionDeps, progress: Progress, message: KernelMessage): Promise<void> {
  const { content } = message;
  if (message.type === 'status') {
    if (content['execution_state'] === 'idle') progress.isIdle = true;
    return;
  }
  deps.started();
  if (message.type === 'execute_reply') {
    progress.isReplied = true;
    if (content['status'] === 'error') progress.failure = content;
    return;
  }
  for (const event of eventsOfMessage(message)) {
    if (event.type === 'error') progress.hasError = true;
    await deps.emit(event);
  }
}

/**
 * Takes what comes although the kernel is done. A question is sent behind the request: once the kernel has
 * answered it, everything from before has arrived, and nobody waits for nothing.
 */
async function takeLate(
  deps: ExecutionDeps,
  progress: Progress,
  question: string,
  signal: AbortSignal,
): Promise<void> {
  const over = (): Fault => new Fault('timeout', 'kernel.quiet', 'Nothing more came.');
  using limit = deadline(deps.clock, deps.idlePollMs, signal, over);
  try {
    for (;;) {
      const message = await deps.channel.receive(limit.signal);
      if (message === undefined) break;
      if (message.parent === progress.id) await take(deps, progress, message);
      const isIdle = message.type === 'status' && message.content['execution_state'] === 'idle';
      if (message.parent === question && isIdle) break;
    }
  } catch (error) {
    if (!isFault(error, 'timeout')) throw error;
  }
  // Some kernels tell of an error in their reply alone.
  if (progress.failure !== undefined && !progress.hasError) await deps.emit(errorOf(progress.failure));
}
