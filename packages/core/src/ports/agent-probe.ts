import type { Reach } from '../sandbox.ts';

/** Asks the agent inside a sandbox whether it answers. */
export interface AgentProbe {
  /**
   * Resolves when the agent has answered once. Rejects with `timeout` (`agent.not_ready`) after the time it
   * was opened with, or with what `signal` carries.
   */
  waitReady(reach: Reach, signal: AbortSignal): Promise<void>;
}
