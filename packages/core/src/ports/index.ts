export { FAULT_CODES } from '../fault-codes.ts';
export type { FaultCode } from '../fault-codes.ts';
export type { AgentProbe } from './agent-probe.ts';
export type { EngineEvent, PauseFacet, RuntimeDriver } from './runtime-driver.ts';
export type { SandboxStore } from './sandbox-store.ts';
export type {
  ImageSource,
  Observation,
  ObservedPhase,
  Platform,
  Progress,
  Reach,
  RegistryAuth,
  Resources,
  SandboxClaim,
  SandboxId,
  SandboxRecord,
  SandboxSpec,
} from '../sandbox.ts';
export { sandboxId } from '../sandbox.ts';
