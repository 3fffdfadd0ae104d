import { isFault } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';
import { openEngineLine } from '../compose.ts';
import type { EngineLine, LineRequest } from '../compose.ts';
import type { DockerEnvironment } from '../config/environment.ts';

const READ_MS = 20_000;
const REMOVE_MS = 60_000;

export interface EngineAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Asks the engine one thing. Rejects with a Fault when there is no answer. */
export type AskEngine = (path: string, signal: AbortSignal) => Promise<EngineAnswer>;
export type CallEngine = (
  method: 'GET' | 'DELETE',
  path: string,
  signal: AbortSignal,
) => Promise<EngineAnswer>;

/** Where the engine is, as far as it can be told without asking it. */
export interface EnginePlace {
  readonly name: string;
  /** Whether it is a socket of this machine. */
  readonly isSocket: boolean;
  /** Whether a variable or a Docker context named it. */
  readonly isChosen: boolean;
}

export function engineAsker(env: DockerEnvironment, clock: Clock): AskEngine {
  const call = engineCaller(env, clock);
  return (path, signal) => call('GET', path, signal);
}

/** A few calls for the doctor and the quickstart, over the way that the driver takes. */
export function engineCaller(env: DockerEnvironment, clock: Clock): CallEngine {
  // Kept until the command ends: over ssh each connection is a process that takes its time to start.
  let line: EngineLine | undefined;
  return async (method, path, signal) => {
    line ??= openEngineLine(env, clock);
    return await line.call({ method, path, timeoutMs: method === 'GET' ? READ_MS : REMOVE_MS }, signal);
  };
}

export function enginePlace(env: DockerEnvironment, clock: Clock): EnginePlace {
  try {
    using line = openEngineLine(env, clock);
    return { name: line.name, isSocket: line.isSocket, isChosen: line.isChosen };
  } catch {
    const name = env.DOCKER_HOST ?? 'the Docker engine';
    return { name, isSocket: false, isChosen: true }; // asking it says why
  }
}

/** The system's code of a connection that did not come about. */
export function connectionCode(error: unknown): string | undefined {
  const cause = isFault(error) ? error.cause : error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}

/** Any call that the trial container needs. */
export type SendToEngine = (
  request: Omit<LineRequest, 'timeoutMs'>,
  signal: AbortSignal,
) => Promise<EngineAnswer>;

export function engineSender(env: DockerEnvironment, clock: Clock): SendToEngine {
  let line: EngineLine | undefined;
  return async (request, signal) => {
    line ??= openEngineLine(env, clock);
    return await line.call({ ...request, timeoutMs: REMOVE_MS }, signal);
  };
}
