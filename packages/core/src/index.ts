export type {
  ContainerLogWish,
  Diagnostics,
  DiagnosticScope,
  ScopedWish,
} from './diagnostics/diagnostics.ts';
export { FAULT_CODES } from './fault-codes.ts';
export type { FaultCode } from './fault-codes.ts';
export type { AccessOutcome, AccessSource, RenewOnAccessOptions } from './lifecycle/access.ts';
export type {
  CreateSandbox,
  Lifecycle,
  LifecycleDeps,
  LifecycleOptions,
  OpenLifecycle,
  PortAddress,
  SandboxQuery,
} from './lifecycle/lifecycle.ts';
export { openLifecycle } from './lifecycle/open-lifecycle.ts';
export type { Page } from './page.ts';
export type { AgentProbe } from './ports/agent-probe.ts';
export type { DiagnosticText } from './ports/diagnostics.ts';
export type { EngineEvent, PauseFacet, RuntimeDriver } from './ports/runtime-driver.ts';
export type { SandboxStore } from './ports/sandbox-store.ts';
export type { SnapshotStore } from './ports/snapshot-store.ts';
export type { Captured, CaptureProgress, CaptureWish, SnapshotFacet } from './ports/snapshots.ts';
export type { SnapshotRecord, SnapshotState } from './snapshots/snapshot.ts';
export type { SnapshotQuery, Snapshots } from './snapshots/snapshots.ts';
export type * from './sandbox.ts';
export { sandboxId } from './sandbox.ts';
