import { isFault } from '@opensandbox/base';
import { valueAt } from '../config/key-tree.ts';
import { connectionCode } from './engine-http.ts';
import type { AskEngine, EngineAnswer, EnginePlace } from './engine-http.ts';
import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';

const OLDEST_API = [1, 41] as const;
const MOST_CLOCK_SKEW_MS = 5_000;

export interface EngineReading {
  readonly findings: readonly Finding[];
  /** Directory of the engine's data, when the engine answered. */
  readonly dataDir: string | undefined;
  readonly answered: boolean;
  /** In the engine's own words; empty where it says nothing. */
  readonly facts: EngineFacts;
}

export interface EngineFacts {
  readonly arch: string;
  readonly os: string;
  /** The operating system's name: `Docker Desktop` among others. */
  readonly system: string;
  /** Its clock, epoch ms. */
  readonly now: number;
}

/** Is there an engine, is it new enough, and does its clock agree with ours? */
export async function checkEngine(
  deps: { readonly ask: AskEngine; readonly engine: EnginePlace; readonly now: () => number },
  signal: AbortSignal,
): Promise<EngineReading> {
  try {
    const version = await deps.ask('/version', signal);
    const info = await deps.ask('/info', signal);
    const dataDir = text(info.body, 'DockerRootDir');
    const findings = [
      judgeVersion(deps.engine.name, version),
      judgeClock(text(info.body, 'SystemTime'), deps.now()),
    ];
    return { findings, dataDir, answered: version.status === 200, facts: readFacts(info.body, deps.now()) };
  } catch (error) {
    return {
      findings: [judgeConnection(deps.engine, error)],
      dataDir: undefined,
      answered: false,
      facts: readFacts({}, 0),
    };
  }
}

function readFacts(info: unknown, now: number): EngineFacts {
  const time = Date.parse(text(info, 'SystemTime') ?? '');
  return {
    arch: text(info, 'Architecture') ?? '',
    os: text(info, 'OSType') ?? '',
    system: text(info, 'OperatingSystem') ?? '',
    now: Number.isNaN(time) ? now : time,
  };
}

export function judgeVersion(engine: string, answer: EngineAnswer): Finding {
  const api = text(answer.body, 'ApiVersion');
  if (answer.status !== 200 || api === undefined) {
    return fail(
      'engine',
      `${engine} answered with status ${answer.status}`,
      'Point DOCKER_HOST at a Docker Engine.',
    );
  }
  const [major = 0, minor = 0] = api.split('.').map(Number);
  const what = `Docker Engine ${text(answer.body, 'Version') ?? '?'} (API ${api}) at ${engine}`;
  const isNewEnough = major > OLDEST_API[0] || (major === OLDEST_API[0] && minor >= OLDEST_API[1]);
  return isNewEnough
    ? ok('engine', what)
    : fail('engine', `${what} is too old`, 'Install Docker Engine 20.10 or newer.');
}

export function judgeConnection({ name, isSocket }: EnginePlace, error: unknown): Finding {
  const code = connectionCode(error);
  if (isSocket && (code === 'EACCES' || code === 'EPERM')) {
    return fail(
      'engine',
      `${name}: permission denied`,
      'Add your user to the docker group (and log in again), or run as root.',
    );
  }
  if (isSocket && code === 'ENOENT') {
    return fail(
      'engine',
      `${name}: no such socket`,
      'Install and start the Docker Engine, or set DOCKER_HOST.',
    );
  }
  const reason = error instanceof Error ? error.message : String(error);
  if (isFault(error, 'invalid')) return fail('engine', reason, 'Mend it, or set DOCKER_HOST to the engine.');
  return fail(
    'engine',
    `${name} does not answer: ${reason}`,
    isSocket ? 'Start the Docker Engine, or set DOCKER_HOST.' : 'See docs/guides/remote-engines.md.',
  );
}

export function judgeClock(engineTime: string | undefined, now: number): Finding {
  const time = engineTime === undefined ? Number.NaN : Date.parse(engineTime);
  if (Number.isNaN(time)) return ok('clock', 'the engine does not tell its time');
  const skew = Math.abs(time - now);
  if (skew <= MOST_CLOCK_SKEW_MS) return ok('clock', 'agrees with the engine');
  return warn(
    'clock',
    `differs from the engine's by ${Math.round(skew / 1000)} s`,
    'Turn on time synchronisation: sandboxes expire by this clock.',
  );
}

/** The container network that sandboxes get. */
export async function checkNetwork(ask: AskEngine, mode: string, signal: AbortSignal): Promise<Finding> {
  const check = 'network';
  if (mode === 'host') {
    return warn(
      check,
      'network_mode = "host": sandboxes share one network, so only one can run at a time',
      'Set docker.network_mode = "bridge".',
    );
  }
  const answer = await ask(`/networks/${encodeURIComponent(mode)}`, signal);
  if (answer.status === 200) return ok(check, `network ${mode} exists`);
  return fail(check, `network ${mode} does not exist`, `Create it: docker network create ${mode}`);
}

/** An agent image that is not there yet is pulled with the first sandbox. */
export async function checkExecdImage(ask: AskEngine, image: string, signal: AbortSignal): Promise<Finding> {
  const answer = await ask(`/images/${image}/json`, signal);
  if (answer.status === 200) return ok('execd', `image ${image} is on the engine`);
  return warn(
    'execd',
    `image ${image} is not on the engine yet`,
    `It is pulled with the first sandbox; docker pull ${image} does it now.`,
  );
}

function text(body: unknown, key: string): string | undefined {
  const value = valueAt(body, [key]);
  return typeof value === 'string' ? value : undefined;
}
