import type { DiagnosticText, EngineScope } from '../ports/diagnostics.ts';
import type { SandboxId } from '../sandbox.ts';

export type DiagnosticScope = EngineScope | 'lifecycle' | 'all';

export interface ContainerLogWish {
  readonly lines: number;
  /** Epoch ms. */
  readonly since: number | undefined;
  readonly maxBytes: number;
}

export interface ScopedWish extends ContainerLogWish {
  readonly kind: 'logs' | 'events';
  readonly scope: DiagnosticScope;
  /** Most events. */
  readonly limit: number;
}

/** Texts for people about one sandbox. All reject with `not_found` when there is none of this id. */
export interface Diagnostics {
  /** What the sandbox wrote; empty when it has no container. */
  logs(id: SandboxId, wish: ContainerLogWish, signal: AbortSignal): Promise<DiagnosticText>;
  events(id: SandboxId, limit: number, signal: AbortSignal): Promise<DiagnosticText>;
  describe(id: SandboxId, signal: AbortSignal): Promise<DiagnosticText>;
  /** As much as can be had: what cannot be read is a warning and no failure. */
  collect(id: SandboxId, wish: ScopedWish, signal: AbortSignal): Promise<DiagnosticText>;
}
