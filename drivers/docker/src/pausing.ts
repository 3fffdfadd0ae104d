import type { FaultCode, Observation, PauseFacet, SandboxId } from '@opensandbox/core/ports';
import { Fault, isFault } from '@opensandbox/base';
import type { ContainerInspect, ContainerState } from './engine/answers.ts';
import type { Engine } from './engine/engine.ts';
import { named, sandboxMissing } from './faults.ts';
import type { LookupContext } from './lookup.ts';
import { findContainer } from './lookup.ts';

export interface PausingContext extends LookupContext {
  readonly engine: Pick<
    Engine,
    'inspectContainer' | 'listContainers' | 'pauseContainer' | 'unpauseContainer'
  >;
  /** Reads the sandbox after the change. */
  readonly observe: (id: SandboxId, signal: AbortSignal) => Promise<Observation | undefined>;
}

interface Verb {
  readonly code: FaultCode;
  readonly failed: string;
  readonly conflict: (id: SandboxId) => Fault;
  readonly allows: (state: ContainerState) => boolean;
  readonly act: (containerId: string, signal: AbortSignal) => Promise<void>;
}

/** Freezes and thaws all processes of a sandbox. Memory is kept, ports stay published. */
export function createPausing(context: PausingContext): PauseFacet {
  const pause: Verb = {
    code: 'sandbox.pause_failed',
    failed: 'Failed to pause sandbox',
    conflict: (id) => conflict('sandbox.not_running', `Sandbox ${id} is not in a running state.`),
    allows: (state) => state.Running === true && state.Paused !== true,
    act: (containerId, signal) => context.engine.pauseContainer(containerId, signal),
  };
  const resume: Verb = {
    code: 'sandbox.resume_failed',
    failed: 'Failed to resume sandbox',
    conflict: (id) => conflict('sandbox.not_paused', `Sandbox ${id} is not in a paused state.`),
    allows: (state) => state.Paused === true,
    act: (containerId, signal) => context.engine.unpauseContainer(containerId, signal),
  };
  return {
    pause: (id, signal) => change(context, { id, verb: pause }, signal),
    resume: (id, signal) => change(context, { id, verb: resume }, signal),
  };
}

async function change(
  context: PausingContext,
  wish: { readonly id: SandboxId; readonly verb: Verb },
  signal: AbortSignal,
): Promise<Observation> {
  const { id, verb } = wish;
  const container = await find(context, id, signal);
  if (!verb.allows(container.State)) throw verb.conflict(id);
  try {
    await named(verb.code, `${verb.failed} ${id}`, verb.act(container.Id, signal));
  } catch (error) {
    // Somebody else was quicker: then the state itself is the answer, not the engine's complaint.
    if (!isFault(error, 'internal')) throw error;
    const now = await find(context, id, signal);
    throw verb.allows(now.State) ? error : verb.conflict(id);
  }
  const seen = await context.observe(id, signal);
  if (seen === undefined) throw sandboxMissing(id);
  return seen;
}

async function find(context: PausingContext, id: SandboxId, signal: AbortSignal): Promise<ContainerInspect> {
  const asking = findContainer(context, id, signal);
  const container = await named('sandbox.query_failed', 'Failed to query the sandbox', asking);
  if (container === undefined) throw sandboxMissing(id);
  return container;
}

function conflict(code: FaultCode, message: string): Fault {
  return new Fault('conflict', code, message);
}
