export { FAULT_CODES } from '../fault-codes.ts';
export type { FaultCode } from '../fault-codes.ts';
export type { AgentProbe } from './agent-probe.ts';
export type { DiagnosticsFacet, DiagnosticText, EngineScope, EventWish, LogWish } from './diagnostics.ts';
export type { EngineEvent, PauseFacet, Removal, RuntimeDriver } from './runtime-driver.ts';
export type { SandboxStore } from './sandbox-store.ts';
export type { SnapshotStore } from './snapshot-store.ts';
export type { Captured, CaptureProgress, CaptureWish, SnapshotFacet } from './snapshots.ts';
export type { SnapshotRecord, SnapshotState } from '../snapshots/snapshot.ts';
export type {
  ImageSource,
  OssCredentials,
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
  Volume,
  VolumeSource,
} from '../sandbox.ts';
export { sandboxId } from '../sandbox.ts';
