import { randomUUID } from 'node:crypto';
import { abortable, Fault, isFault, retry } from '@opensandbox/base';
import type { Backoff, Clock } from '@opensandbox/base';
import type { Jupyter, JupyterSession } from './jupyter.ts';

/** Steps of half a second, then one, two, four and five, for about five minutes. */
export const STARTING: Backoff = { firstMs: 500, longestMs: 5000, jitter: 0.1, random: Math.random };
const MOST_ATTEMPTS = 62;
/** A kernel that Jupyter fails to start this often has more wrong with it than being installed right now. */
const MOST_FAILED_STARTS = 4;

export interface OpenSessionDeps {
  readonly clock: Clock;
  readonly jupyter: Jupyter;
  /** The lifetime of the agent: a session that was asked for is awaited although its client left. */
  readonly lifetime: AbortSignal;
}

export interface SessionFor {
  readonly language: string;
  readonly cwd: string | undefined;
}

/**
 * Opens a session with a kernel for a language. A server that is not up yet, or does not have the kernel yet, is
 * asked again until the caller leaves: in the reference image both come up while the agent already runs.
 */
export async function openSession(
  deps: OpenSessionDeps,
  wanted: SessionFor,
  signal: AbortSignal,
): Promise<JupyterSession> {
  let failedStarts = 0;
  const attempt = async (): Promise<JupyterSession> => {
    const kernelName = await chooseKernel(deps.jupyter, wanted.language, signal);
    const name = randomUUID().replaceAll('-', '');
    const path = sessionPath(wanted.cwd, name);
    try {
      const opening = deps.jupyter.createSession({ path, name, kernelName }, deps.lifetime);
      void opening.then((session) => giveUpUnwanted(deps, session, signal), ignore);
      return await abortable(opening, signal);
    } catch (error) {
      if (isFault(error, 'internal') && (failedStarts += 1) < MOST_FAILED_STARTS) {
        throw new Fault('unavailable', 'jupyter.start_failed', error.message);
      }
      throw error;
    }
  };
  return retry({ clock: deps.clock, backoff: STARTING, attempts: MOST_ATTEMPTS }, attempt, signal);
}

/** Nobody would ever use the kernel of a session whose client left before it was there. */
function giveUpUnwanted(deps: OpenSessionDeps, session: JupyterSession, signal: AbortSignal): void {
  if (signal.aborted) deps.jupyter.deleteSession(session.id, deps.lifetime).catch(ignore);
}

function ignore(): void {
  // whoever waits for it is told
}

/** Jupyter starts the kernel in the directory of the path, when that is below its own directory. */
function sessionPath(cwd: string | undefined, name: string): string {
  const directory = (cwd ?? '').replace(/^\/+|\/+$/g, '');
  return directory === '' ? `${name}.ipynb` : `${directory}/${name}.ipynb`;
}

/** Jupyter lists its own Python as this one in every image; the image's kernel has another name. */
const BUILT_IN = 'python3';

async function chooseKernel(jupyter: Jupyter, language: string, signal: AbortSignal): Promise<string> {
  const specs = await jupyter.specs(signal);
  const names = specs.filter((spec) => spec.language === language && spec.name !== BUILT_IN);
  const [first] = names.map((spec) => spec.name).sort();
  if (first === undefined) {
    throw new Fault('unavailable', 'jupyter.no_kernel', `no kernel specs found for ${language}`);
  }
  return first;
}
