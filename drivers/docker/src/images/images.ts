import { createHash } from 'node:crypto';
import type { FaultCode, Progress, RegistryAuth } from '@opensandbox/core/ports';
import type { Clock, Logger } from '@opensandbox/base';
import { createSingleFlight, Fault, isFault } from '@opensandbox/base';
import type { DockerEnvironment } from '../deps.ts';
import type { ImageInspect } from '../engine/answers.ts';
import type { Engine } from '../engine/engine.ts';
import { named, orAbsent } from '../faults.ts';
import { readCliCredentials } from './docker-config.ts';
import { createDefaultRegistry } from './default-registry.ts';
import type { DefaultRegistry } from './default-registry.ts';
import { parseImageRef } from './image-ref.ts';
import type { ImagePlatform } from './platform-match.ts';
import { matchesPlatform } from './platform-match.ts';
import { pullImage } from './pull.ts';
import { createPullProgress } from './pull-progress.ts';
import { formatRegistryAuth, readRequestAuth } from './registry-auth.ts';

export interface ImageWish {
  readonly uri: string;
  readonly auth: RegistryAuth | undefined;
  /** Asked for by the client; a pull then names it. */
  readonly platform: ImagePlatform | undefined;
}

export interface Images {
  /** Makes sure that the engine has the image for the right platform. Rejects with `image.pull_failed`. */
  ensure(wish: ImageWish, report: (progress: Progress) => void, signal: AbortSignal): Promise<ImageInspect>;
}

export interface ImageDeps {
  readonly engine: Pick<Engine, 'info' | 'inspectImage' | 'pull'>;
  readonly env: DockerEnvironment;
  readonly clock: Clock;
  readonly log: Logger;
  /** What the engine runs by itself. */
  readonly enginePlatform: ImagePlatform | undefined;
  readonly stallMs: number;
}

/** Everybody who waits for one pull hears its progress. */
type Listeners = Set<(progress: Progress) => void>;

export function createImages(deps: ImageDeps): Images {
  const pulls = createSingleFlight<string, undefined>();
  const listeners = new Map<string, Listeners>();
  const defaultRegistry = createDefaultRegistry(deps.engine);

  async function pull(wish: Pull, report: (progress: Progress) => void, signal: AbortSignal): Promise<void> {
    const own: Listeners = listeners.get(wish.key) ?? new Set();
    listeners.set(wish.key, own);
    own.add(report);
    const tell = (message: string): void => own.forEach((listener) => listener({ step: 'image', message }));
    try {
      await pulls.run(wish.key, (shared) => runPull(deps, wish, { tell, signal: shared }), signal);
    } finally {
      own.delete(report);
      if (own.size === 0) listeners.delete(wish.key);
    }
  }

  return {
    async ensure(wish, report, signal) {
      const expected = wish.platform ?? deps.enginePlatform;
      const local = await inspect(deps, wish.uri, signal);
      if (local !== undefined && matchesPlatform(local, expected)) return local;
      // A local image of another platform is replaced by one of the expected platform.
      const platform = wish.platform ?? (local === undefined ? undefined : expected);
      const plan = await planPull({ ...deps, defaultRegistry }, { ...wish, platform }, signal);
      report({ step: 'image', message: `Pulling image ${wish.uri}` });
      await pull(plan, report, signal);
      const pulled = await inspect(deps, wish.uri, signal);
      if (pulled === undefined) throw pullFailed(wish.uri, 'the engine does not have it after the pull');
      return pulled;
    },
  };
}

function inspect(deps: ImageDeps, uri: string, signal: AbortSignal): Promise<ImageInspect | undefined> {
  return named(
    'image.pull_failed',
    `Failed to inspect image ${uri}`,
    orAbsent(deps.engine.inspectImage(uri, signal)),
  );
}

interface Pull {
  readonly uri: string;
  readonly name: string;
  readonly tag: string;
  readonly platform: string | undefined;
  readonly auth: string | undefined;
  /** Pulls with the same key are the same pull. Holds no credentials, only their fingerprint. */
  readonly key: string;
}

async function planPull(
  deps: ImageDeps & { readonly defaultRegistry: DefaultRegistry },
  wish: ImageWish,
  signal: AbortSignal,
): Promise<Pull> {
  const { name, tag, registry } = parseImageRef(wish.uri);
  const credentials =
    wish.auth === undefined ? await readCliCredentials(registry, deps, signal) : readRequestAuth(wish.auth);
  const auth = credentials === undefined ? undefined : formatRegistryAuth(credentials);
  const platform = wish.platform === undefined ? undefined : `${wish.platform.os}/${wish.platform.arch}`;
  const fingerprint = createHash('sha256')
    .update(auth ?? '')
    .digest('hex');
  return { uri: wish.uri, name, tag, platform, auth, key: `${name} ${tag} ${platform ?? ''} ${fingerprint}` };
}

async function runPull(
  deps: ImageDeps,
  pull: Pull,
  shared: { readonly tell: (message: string) => void; readonly signal: AbortSignal },
): Promise<undefined> {
  const startedAt = deps.clock.now();
  const progress = createPullProgress(pull.uri);
  const work = pullImage(
    { ...pull, engine: deps.engine, clock: deps.clock, stallMs: deps.stallMs },
    (message) => {
      const told = progress.read(message);
      if (told !== undefined) shared.tell(told);
    },
    shared.signal,
  );
  try {
    await work;
  } catch (error) {
    if (!isFault(error) || (error.code !== 'engine.failed' && error.code !== 'engine.timeout')) throw error;
    throw pullFailed(pull.uri, error.message, error);
  }
  deps.log.info('image.pulled', { image: pull.uri, durationMs: deps.clock.now() - startedAt });
  return undefined;
}

function pullFailed(uri: string, why: string, cause?: unknown): Fault {
  return new Fault(
    'internal',
    'image.pull_failed' satisfies FaultCode,
    `Failed to pull image ${uri}: ${why}`,
    {
      cause,
    },
  );
}
