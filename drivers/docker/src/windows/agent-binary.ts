import { randomUUID } from 'node:crypto';
import type { FaultCode } from '@opensandbox/core/ports';
import { createSingleFlight, Fault } from '@opensandbox/base';
import { readSingleFile } from '../agent/archive.ts';
import type { CarrierContext } from '../agent/carrier.ts';
import { CARRIER_PURPOSE, dropCarrier } from '../agent/carrier.ts';
import { named, orAbsent } from '../faults.ts';
import type { Images } from '../images/images.ts';
import { LABEL } from '../names.ts';

/** The agent for Windows guests, out of the agent image. */
export interface AgentBinary {
  read(signal: AbortSignal): Promise<Buffer>;
}

export interface AgentBinaryContext extends CarrierContext {
  readonly images: Images;
  readonly agentImage: string;
}

const PATH = '/execd.exe';

/** Kept by the image's id: a tag that moves is read again. Only the last one is kept. */
export function createAgentBinary(context: AgentBinaryContext): AgentBinary {
  const reading = createSingleFlight<string, Buffer>();
  let kept: { readonly imageId: string; readonly content: Buffer } | undefined;
  return {
    async read(signal) {
      const wish = { uri: context.agentImage, auth: undefined, platform: undefined };
      const { Id: imageId } = await context.images.ensure(wish, () => undefined, signal);
      if (kept?.imageId === imageId) return kept.content;
      const content = await reading.run(imageId, (shared) => readFrom(context, imageId, shared), signal);
      kept = { imageId, content };
      return content;
    },
  };
}

/** Through a container that is never started. Labelled as a carrier: a start of the server clears such ones away. */
async function readFrom(context: AgentBinaryContext, image: string, signal: AbortSignal): Promise<Buffer> {
  const { engine, agentImage } = context;
  const plan = {
    name: `opensandbox-windows-agent-${randomUUID()}`,
    platform: undefined,
    draft: {
      Image: image,
      Entrypoint: ['/never-started'],
      Cmd: [],
      Labels: {
        [LABEL.auxiliary]: CARRIER_PURPOSE,
        [LABEL.carrierInstance]: context.instance ?? '',
        [LABEL.carrierOwner]: context.owner,
        [LABEL.id]: '',
      },
      HostConfig: { NetworkMode: 'none' },
    },
  };
  // Never aborted on the wire: the engine would go on, and nobody would know what to remove.
  const creating = engine.createContainer(plan, new AbortController().signal);
  const container = await named('agent.start_failed', 'Failed to open the agent image', creating);
  try {
    const failed = `Failed to read ${PATH} of the agent image ${agentImage}`;
    const tar = await named(
      'agent.distribution_failed',
      failed,
      orAbsent(engine.readArchive(container, PATH, signal)),
    );
    const content = tar === undefined ? undefined : await readSingleFile(tar);
    if (content !== undefined) return content;
    throw new Fault(
      'internal',
      'agent.distribution_failed' satisfies FaultCode,
      `The agent image ${agentImage} holds no file ${PATH}, which Windows sandboxes need. Set runtime.execd_image ` +
        'to an image that does.',
    );
  } finally {
    await dropCarrier(context, container);
  }
}
