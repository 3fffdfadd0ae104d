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
export type * from './sandbox.ts';
export { sandboxId } from './sandbox.ts';
