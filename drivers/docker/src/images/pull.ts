import type { FaultCode } from '@opensandbox/core/ports';
import type { Clock } from '@opensandbox/base';
import { checkAborted, Fault, isFault } from '@opensandbox/base';
import type { PullMessage } from '../engine/answers.ts';
import type { Engine, PullRequest } from '../engine/engine.ts';
import { readJsonLines } from '../engine/json-lines.ts';
import { readConnectionFailure } from '../faults.ts';

export interface PullContext {
  readonly engine: Pick<Engine, 'pull'>;
  readonly clock: Clock;
  /** How long a pull may be silent. Its whole length is not limited. */
  readonly stallMs: number;
}

/** Pulls to the end, passing every message on. A pull that says nothing for too long is given up. */
export async function pullImage(
  request: PullRequest & PullContext,
  onMessage: (message: PullMessage) => void,
  signal: AbortSignal,
): Promise<void> {
  const watch = new AbortController();
  const onAbort = (): void => watch.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let timer = arm(request, watch);
  try {
    checkAborted(signal);
    const stream = await request.engine.pull(request, watch.signal);
    for await (const line of readJsonLines(stream)) {
      timer[Symbol.dispose]();
      timer = arm(request, watch);
      const message = line as PullMessage;
      const failure = message.errorDetail?.message ?? message.error;
      if (failure !== undefined) throw refused(failure);
      onMessage(message);
    }
  } catch (error) {
    // The engine says nothing, not even that it has begun, before the registry has answered it.
    if (isFault(error) && error.code === ('engine.timeout' satisfies FaultCode)) throw stalled(request);
    throw isFault(error) ? error : readConnectionFailure(error, watch.signal);
  } finally {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', onAbort);
    watch.abort();
  }
}

function arm(context: PullContext, watch: AbortController): Disposable {
  const { clock, stallMs } = context;
  return clock.at(clock.now() + stallMs, () => watch.abort(stalled(context)));
}

function stalled({ stallMs }: PullContext): Fault {
  const seconds = Math.round(stallMs / 1000);
  const text = `the registry timed out: no progress for ${seconds} s (docker.api_timeout)`;
  return new Fault('timeout', 'engine.timeout' satisfies FaultCode, text);
}

/** An error line carries no status: the registry's refusal is all that is known. */
function refused(message: string): Fault {
  return new Fault('internal', 'engine.failed' satisfies FaultCode, message);
}
