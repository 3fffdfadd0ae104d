import type { FaultCode, Platform } from '@opensandbox/core/ports';
import type { Scope } from '@opensandbox/base';
import { Fault } from '@opensandbox/base';
import type { DockerDeps, ExecdDelivery } from '../deps.ts';
import type { Engine } from '../engine/engine.ts';
import { named, orAbsent } from '../faults.ts';
import type { Images } from '../images/images.ts';
import { readSingleFile } from './archive.ts';
import { createAgentVolumes, sweepCarriers } from './agent-volume.ts';
import type { VolumeContent } from './agent-volume.ts';
import { readLayout } from './layout.ts';
import type { Layout, LayoutEntry } from './layout.ts';

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
  const life = scope.signal;
  const volumes = scope.own(createAgentVolumes(deps, life));
  const { execd } = deps;
  await sweepCarriers(deps, life);
  const layout = execd.image === BUILTIN ? await readLayout(execd.rootfsDir, life) : undefined;
  return {
    async volumeFor(wish, signal) {
      const content =
        layout === undefined
          ? await contentOfImage(deps, wish, signal)
          : contentOfLayout(layout, execd, wish);
      await volumes.ensure(content, signal);
      return content.name;
    },
    distrust: (volume) => volumes.distrust(volume),
  };
}

function contentOfLayout(layout: Layout, execd: ExecdDelivery, wish: AgentWish): VolumeContent {
  return {
    name: `opensandbox-agent-${layout.hash.slice(0, HASH_LENGTH)}`,
    version: execd.version,
    carrierImage: wish.imageId,
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
    name: `opensandbox-agent-${image.Id.replace(/^sha256:/, '').slice(0, HASH_LENGTH)}`,
    version: uri,
    carrierImage: image.Id,
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
