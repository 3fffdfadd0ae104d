import { abortable, isFault, retry, sleep } from '@opensandbox/base';
import type { Clock, Logger } from '@opensandbox/base';
import type { CodeContext, Contexts } from './contexts.ts';
import { execute } from './execution.ts';
import type { Jupyter } from './jupyter.ts';
import type { KernelChannel } from './kernel-channel.ts';
import { STARTING } from './open-session.ts';
import { preparationCode } from './preparation.ts';

export interface KernelCareDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly jupyter: Jupyter;
  readonly contexts: Contexts;
  readonly idlePollMs: number;
  /** The variables of the sandbox's own file, read anew at each call. */
  readonly fileVariables: () => Readonly<Record<string, string>>;
}

/** A server that was there a moment ago is waited for, but not as long as one that still starts. */
const MOST_CONNECTS = 8;

/** Connects to the kernel of a context; one that has ended is replaced or restarted first. */
export async function connectKernel(
  deps: KernelCareDeps,
  context: CodeContext,
  signal: AbortSignal,
): Promise<KernelChannel> {
  const attempt = async (): Promise<KernelChannel> => {
    if (context.isSuspect) await revive(deps, context, signal);
    try {
      return await deps.jupyter.connect(context.kernelId, signal);
    } catch (error) {
      context.isSuspect = true; // a kernel that is gone refuses connections, too
      throw error;
    }
  };
  return retry({ clock: deps.clock, backoff: STARTING, attempts: MOST_CONNECTS }, attempt, signal);
}

async function revive(deps: KernelCareDeps, context: CodeContext, signal: AbortSignal): Promise<void> {
  const state = await deps.jupyter.kernelState(context.kernelId, signal);
  if (state === undefined || state === 'dead') {
    deps.log.warn('code.kernel_replaced', { context: context.id, state: state ?? 'gone' });
    if (state === undefined) await deps.contexts.replaceKernel(context, signal);
    else await deps.jupyter.restartKernel(context.kernelId, signal);
    context.isPlaced = false;
  }
  context.isSuspect = false;
}

const LONGEST_PREPARATION_MS = 30_000;

/** Tells the kernel its directory once, and the variables whenever they changed. */
export async function prepareKernel(
  deps: KernelCareDeps,
  context: CodeContext,
  channel: KernelChannel,
  signal: AbortSignal,
): Promise<void> {
  const variables = deps.fileVariables();
  const told = JSON.stringify(variables);
  if (context.isPlaced && context.told === told) return;
  const cwd = context.isPlaced ? undefined : context.cwd;
  const code = preparationCode(context.language, { variables, cwd });
  Object.assign(context, { isPlaced: true, told });
  if (code === undefined) return;
  const { clock, idlePollMs } = deps;
  const emit = async (event: { readonly type: string }): Promise<void> => {
    if (event.type === 'error') deps.log.warn('code.preparation_failed', { context: context.id });
  };
  const running = { clock, idlePollMs, channel, emit, started: () => undefined };
  const late = new AbortController();
  const timer = clock.at(clock.now() + LONGEST_PREPARATION_MS, () => late.abort());
  try {
    const work = execute(running, { code, silent: true }, AbortSignal.any([late.signal, signal]));
    await abortable(work, late.signal);
  } catch (error) {
    // A kernel that still starts takes it later; the code that follows waits behind it in any case.
    if (!late.signal.aborted) throw error;
  } finally {
    timer[Symbol.dispose]();
  }
}

const WATCH_EVERY_MS = 5000;

/** Resolves when the kernel no longer exists, which a server that lost it does not say on the connection. */
export async function watchKernel(
  deps: KernelCareDeps,
  context: CodeContext,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(deps.clock, WATCH_EVERY_MS, signal);
    try {
      const state = await deps.jupyter.kernelState(context.kernelId, signal);
      if (state === undefined || state === 'dead') return;
    } catch (error) {
      if (!isFault(error, 'unavailable')) throw error;
    }
  }
}
