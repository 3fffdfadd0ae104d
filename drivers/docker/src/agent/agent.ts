import { randomUUID } from 'node:crypto';
import type { FaultCode, Platform } from '@opensandbox/core/ports';
import type { Logger, Scope } from '@opensandbox/base';
import { abortable, Fault, isFault } from '@opensandbox/base';
import type { DockerDeps, ExecdDelivery } from '../deps.ts';
import type { Engine } from '../engine/engine.ts';
import { named, orAbsent } from '../faults.ts';
import type { Images } from '../images/images.ts';
import { readSingleFile } from './archive.ts';
import { createAgentVolumes } from './agent-volume.ts';
import type { VolumeContent } from './agent-volume.ts';
import {
  clearForeignCarriers,
  clearOldVolumes,
  clearOwnCarriers,
  VOLUME_AGE_MS,
  VOLUME_PREFIX,
} from './clearing.ts';
import { readLayout } from './layout.ts';
import type { Layout, LayoutEntry } from './layout.ts';
import { manifestOf } from './manifest.ts';

export interface AgentWish {
  /** Id of the sandbox's own image: the engine has it. */
  readonly imageId: string;
  readonly platform: Platform | undefined;
}

/** Puts the agent where sandboxes find it. */
export interface Agent {
  /** Name of a complete volume for this sandbox. */
  volumeFor(wish: AgentWish, signal: AbortSignal): Promise<string>;
  /** Says that a sandbox did not find the agent in this volume. */
  distrust(volume: string): void;
}

export interface AgentDeps extends Pick<DockerDeps, 'clock' | 'log' | 'execd'> {
  readonly engine: Engine;
  readonly images: Images;
  readonly instance: string | undefined;
  /** Names this run of the server on the carriers. */
  readonly owner?: string;
}

const HASH_LENGTH = 16;
const BUILTIN = 'builtin';

/** Where the links of the agent's directory lead: places that processes write to, as the mount is read-only. */
const WRITABLE: Readonly<Record<string, string>> = {
  '.env': '/tmp/.opensandbox-env',
  'mitmproxy-ca-cert.pem': '/tmp/.opensandbox-mitmproxy-ca-cert.pem',
  'merged-ca-certificates.pem': '/tmp/.opensandbox-merged-ca-certificates.pem',
};

export async function openAgent(deps: AgentDeps, scope: Scope): Promise<Agent> {
  const { execd, log } = deps;
  const layout = execd.image === BUILTIN ? await readLayout(execd.rootfsDir, scope.signal) : undefined;
  const context = { ...deps, owner: deps.owner ?? randomUUID() };
  const volumes = scope.own(createAgentVolumes(context, scope.signal));
  const asked = createNotice();
  // Not awaited here: the engine makes a removal wait for whoever is still writing.
  const cleared = quietly(log, clearOwnCarriers(context, scope.signal));
  const isWanted = (name: string): boolean =>
    volumes.knows(name) || (layout !== undefined && name === volumeName(layout.hash));
  scope.run('agent.clearing', async (signal) => {
    await cleared;
    await quietly(log, clearForeignCarriers(context, signal));
  });
  scope.run('agent.clearing_volumes', async (signal) => {
    if (layout === undefined) await abortable(asked.given, signal); // until then nobody knows which is wanted
    await quietly(log, clearOldVolumes(context, { isWanted, ageMs: VOLUME_AGE_MS }, signal));
  });
  return {
    async volumeFor(wish, signal) {
      const content =
        layout === undefined
          ? await contentOfImage(deps, wish, signal)
          : contentOfLayout(layout, execd, wish);
      await abortable(cleared, signal);
      await volumes.ensure(content, signal);
      asked.give();
      return content.name;
    },
    distrust: (volume) => volumes.distrust(volume),
  };
}

/** What is left behind costs room and nothing else: failing to clear it away stops nobody. */
async function quietly(log: Logger, clearing: Promise<void>): Promise<void> {
  await clearing.catch((error: unknown) => {
    if (!isFault(error, 'cancelled')) log.warn('agent.clearing_failed', { error });
  });
}

function createNotice(): { readonly given: Promise<void>; readonly give: () => void } {
  let give: () => void = () => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give: () => give() };
}

function volumeName(hash: string): string {
  return `${VOLUME_PREFIX}${hash.replace(/^sha256:/, '').slice(0, HASH_LENGTH)}`;
}

function contentOfLayout(layout: Layout, execd: ExecdDelivery, wish: AgentWish): VolumeContent {
  return {
    name: volumeName(layout.hash),
    version: execd.version,
    carrierImage: wish.imageId,
    manifest: manifestOf(layout.entries),
    readEntries: () => Promise.resolve(layout.entries),
  };
}

/** Keyed by the image's id, not by its tag: a tag that moves gets a new volume. */
async function contentOfImage(deps: AgentDeps, wish: AgentWish, signal: AbortSignal): Promise<VolumeContent> {
  const uri = deps.execd.image;
  const image = await deps.images.ensure(
    { uri, auth: undefined, platform: wish.platform },
    () => undefined,
    signal,
  );
  return {
    name: volumeName(image.Id),
    version: uri,
    carrierImage: image.Id,
    manifest: undefined,
    readEntries: (container, shared) => readImageEntries(deps, container, shared),
  };
}

async function readImageEntries(
  deps: AgentDeps,
  container: string,
  signal: AbortSignal,
): Promise<readonly LayoutEntry[]> {
  const files = await Promise.all(
    ['execd', 'bootstrap.sh'].map(async (path): Promise<LayoutEntry> => {
      const source = await readImageFile(deps, { container, path }, signal);
      return { kind: 'file', path, mode: 0o755, size: source.length, source };
    }),
  );
  const links = Object.entries(WRITABLE).map(([path, target]): LayoutEntry => ({
    kind: 'link',
    path,
    target,
  }));
  return [...files, ...links];
}

async function readImageFile(
  deps: AgentDeps,
  file: { readonly container: string; readonly path: string },
  signal: AbortSignal,
): Promise<Buffer> {
  const reading = orAbsent(deps.engine.readArchive(file.container, `/${file.path}`, signal));
  const failed = `Failed to read /${file.path} of the agent image ${deps.execd.image}`;
  const tar = await named('agent.distribution_failed', failed, reading);
  const content = tar === undefined ? undefined : await readSingleFile(tar);
  if (content !== undefined) return content;
  throw new Fault(
    'internal',
    'agent.distribution_failed' satisfies FaultCode,
    `The agent image ${deps.execd.image} holds no file /${file.path}. Set runtime.execd_image to an image that does.`,
  );
}
