import { createHash } from 'node:crypto';
import type { FaultCode, RegistryAuth } from '@opensandbox/core/ports';
import type { Clock, Logger } from '@opensandbox/base';
import { Fault, isFault } from '@opensandbox/base';
import type { DockerEnvironment, PullFacts } from '../deps.ts';
import type { ImageInspect } from '../engine/answers.ts';
import type { Engine } from '../engine/engine.ts';
import { named, orAbsent } from '../faults.ts';
import { readCliCredentials } from './docker-config.ts';
import { createDefaultRegistry } from './default-registry.ts';
import type { DefaultRegistry } from './default-registry.ts';
import { parseImageRef } from './image-ref.ts';
import type { ImagePlatform } from './platform-match.ts';
import { matchesPlatform } from './platform-match.ts';
import { withAdvice } from './pull-advice.ts';
import { pullImage } from './pull.ts';
import { createPullProgress } from './pull-progress.ts';
import { formatRegistryAuth, readRequestAuth } from './registry-auth.ts';
import { createSharedPulls } from './shared-pulls.ts';
import type { Report } from './shared-pulls.ts';

/** When an image is asked of its registry. */
export type PullPolicy = 'if-not-present' | 'always' | 'never';

export interface ImageWish {
  readonly uri: string;
  readonly auth: RegistryAuth | undefined;
  /** Asked for by the client; a pull then names it. */
  readonly platform: ImagePlatform | undefined;
  /** Made on this engine, by a snapshot: no registry has it. */
  readonly isLocal?: boolean;
}

export interface Images {
  /** Makes sure that the engine has the image for the right platform. Rejects with `image.pull_failed`. */
  ensure(wish: ImageWish, report: Report, signal: AbortSignal): Promise<ImageInspect>;
}

export interface ImageDeps {
  readonly engine: Pick<Engine, 'info' | 'inspectImage' | 'pull'>;
  readonly env: DockerEnvironment;
  readonly clock: Clock;
  readonly log: Logger;
  /** What the engine runs by itself. */
  readonly enginePlatform: ImagePlatform | undefined;
  readonly stallMs: number;
  readonly pullPolicy: PullPolicy;
  readonly pulled?: ((facts: PullFacts) => void) | undefined;
}

export function createImages(deps: ImageDeps): Images {
  const pulls = createSharedPulls();
  const defaultRegistry = createDefaultRegistry(deps.engine);
  const find = async (wish: ImageWish, signal: AbortSignal): Promise<Found> => {
    const local = await inspect(deps, wish.uri, signal);
    const expected = wish.platform ?? deps.enginePlatform;
    return { local, expected, isFit: local !== undefined && matchesPlatform(local, expected) };
  };

  return {
    async ensure(wish, report, signal) {
      const policy = wish.isLocal === true ? 'never' : deps.pullPolicy;
      const { local, expected, isFit } = await find(wish, signal);
      if (policy !== 'always' && local !== undefined && isFit) return local;
      if (policy === 'never') throw notAllowed(wish, local);
      // A local image of another platform is replaced by one of the expected platform.
      const platform = wish.platform ?? (local === undefined ? undefined : expected);
      const plan = await planPull({ ...deps, defaultRegistry }, { ...wish, platform }, signal);
      report({ step: 'image', message: `Pulling image ${wish.uri}` });
      const pull = async (tell: (message: string) => void, shared: AbortSignal): Promise<void> => {
        // Between the look and this turn another pull of it may have ended.
        if (policy !== 'always' && (await find(wish, shared)).isFit) return;
        await runPull(deps, plan, { tell, signal: shared });
      };
      await pulls.run(plan.key, pull, { report, signal });
      const pulled = await inspect(deps, wish.uri, signal);
      if (pulled === undefined) throw pullFailed(wish.uri, 'the engine does not have it after the pull');
      return pulled;
    },
  };
}

interface Found {
  readonly local: ImageInspect | undefined;
  readonly expected: ImagePlatform | undefined;
  readonly isFit: boolean;
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
): Promise<void> {
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
  const tell = (outcome: PullFacts['outcome']): void =>
    deps.pulled?.({ outcome, durationMs: deps.clock.now() - startedAt, bytes: progress.bytes() });
  try {
    await work;
    tell('pulled');
  } catch (error) {
    tell(shared.signal.aborted ? 'cancelled' : 'failed');
    if (!isFault(error) || (error.code !== 'engine.failed' && error.code !== 'engine.timeout')) throw error;
    throw pullFailed(pull.uri, withAdvice(error.message), error);
  }
  deps.log.info('image.pulled', { image: pull.uri, durationMs: deps.clock.now() - startedAt });
}

function pullFailed(uri: string, why: string, cause?: unknown): Fault {
  const text = `Failed to pull image ${uri}: ${why}`;
  return new Fault('internal', 'image.pull_failed' satisfies FaultCode, text, { cause });
}

function notAllowed({ uri, isLocal }: ImageWish, local: ImageInspect | undefined): Fault {
  const what =
    local === undefined
      ? 'it is not on the engine'
      : `the one on the engine is for ${local.Os ?? '?'}/${local.Architecture ?? '?'}`;
  const why =
    isLocal === true
      ? 'and no registry has it: it was made here, by a snapshot.'
      : `and docker.image_pull_policy is "never". Put it there: docker pull ${uri}`;
  return pullFailed(uri, `${what}, ${why}`);
}
