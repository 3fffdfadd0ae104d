import { Fault, deadline, sleep } from '@opensandbox/base';
import type { AgentProbe } from '@opensandbox/core/ports';
import type { FakeEngine } from './engine.ts';

export interface FakeProbeOptions {
  /** How long it waits for an agent that never answers. */
  readonly timeoutMs?: number;
}

/** Every agent answers after its scripted delay, at once by default, unless its script says never. */
export function openFakeProbe(engine: FakeEngine, options: FakeProbeOptions = {}): AgentProbe {
  const timeoutMs = options.timeoutMs ?? 60_000;
  return {
    async waitReady(reach, signal) {
      const id = engine.find(reach);
      const agentMs = (id === undefined ? undefined : engine.script(id)?.agentMs) ?? 0;
      if (agentMs === 0) return;
      const late = (): Fault =>
        new Fault(
          'timeout',
          'agent.not_ready',
          `The agent did not answer within ${timeoutMs / 1000} seconds.`,
        );
      using limit = deadline(engine.clock, timeoutMs, signal, late);
      await sleep(engine.clock, agentMs === 'never' ? timeoutMs + 1 : agentMs, limit.signal);
    },
  };
}
