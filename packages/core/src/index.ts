export { FAULT_CODES } from './fault-codes.ts';
export type { FaultCode } from './fault-codes.ts';
export type {
  CreateSandbox,
  Lifecycle,
  LifecycleDeps,
  LifecycleOptions,
  OpenLifecycle,
  Page,
  PortAddress,
  SandboxQuery,
} from './lifecycle/lifecycle.ts';
export { openLifecycle } from './lifecycle/open-lifecycle.ts';
export type { AgentProbe } from './ports/agent-probe.ts';
export type { EngineEvent, PauseFacet, RuntimeDriver } from './ports/runtime-driver.ts';
export type { SandboxStore } from './ports/sandbox-store.ts';
export type * from './sandbox.ts';
export { sandboxId } from './sandbox.ts';
