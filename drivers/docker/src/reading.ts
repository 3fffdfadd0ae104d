import type { Observation, SandboxId } from '@opensandbox/core/ports';
import { sandboxId } from '@opensandbox/core/ports';
import type { Clock, Logger } from '@opensandbox/base';
import { createComplaints } from './complaints.ts';
import type { ContainerInspect } from './engine/answers.ts';
import type { Engine } from './engine/engine.ts';
import { named, orAbsent } from './faults.ts';
import { isMine, readDeadline, readLabel } from './labels.ts';
import { findContainer } from './lookup.ts';
import { readMetadataOverride } from './metadata-overrides.ts';
import { LABEL } from './names.ts';
import { readContainer } from './read-container.ts';

export interface ReadingContext {
  readonly engine: Pick<Engine, 'inspectContainer' | 'listContainers'>;
  readonly instance: string | undefined;
  readonly dialHost: string;
  readonly metadataDir: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Turns inspects into observations, with everything around them that is not in the inspect itself. */
export interface Reading {
  /** A container that this driver just made: nobody can have changed its metadata yet. */
  readonly readOwn: (inspect: ContainerInspect, readAt: number) => Observation | undefined;
  /** A container by its own id; `undefined` when it is gone or none of this server's sandboxes. */
  readById(containerId: string, signal: AbortSignal): Promise<Observation | undefined>;
  readSandbox(id: SandboxId, signal: AbortSignal): Promise<Observation | undefined>;
}

export function createReading(context: ReadingContext): Reading {
  const { clock, dialHost } = context;
  const complaints = createComplaints(context.log);

  async function read(
    inspect: ContainerInspect | undefined,
    readAt: number,
  ): Promise<Observation | undefined> {
    const labels = inspect?.Config.Labels ?? {};
    const id = readLabel(labels, LABEL.id);
    if (inspect === undefined || id === undefined || !isMine(labels, context.instance)) return undefined;
    if (readDeadline(labels).unreadable) {
      const text = labels[LABEL.expiresAt] ?? '';
      complaints.warn({ event: 'sandbox.deadline_unreadable', sandboxId: id, text });
    }
    const metadata = await readMetadataOverride(context.metadataDir, sandboxId(id), complaints);
    return readContainer(inspect, { readAt, dialHost, metadata });
  }

  return {
    readOwn: (inspect, readAt) => readContainer(inspect, { readAt, dialHost, metadata: undefined }),
    async readById(containerId, signal) {
      const readAt = clock.now();
      return read(await orAbsent(context.engine.inspectContainer(containerId, signal)), readAt);
    },
    async readSandbox(id, signal) {
      const readAt = clock.now();
      const finding = findContainer(context, id, signal);
      return read(await named('sandbox.query_failed', 'Failed to query the sandbox', finding), readAt);
    },
  };
}
