import type { SandboxId } from '../sandbox.ts';

/** What a driver can tell about, each in a text of its own. What the server itself did is not the driver's to tell. */
export type EngineScope = 'container' | 'runtime' | 'network' | 'process';

/** A text for people. Nothing in it is a stable form, and no secret is in it. */
export interface DiagnosticText {
  /** Every line ends with a line feed; empty when there is nothing to tell. */
  readonly text: string;
  /** Something was left out because the text would be too long. */
  readonly isTruncated: boolean;
  /** One sentence for each thing that could not be read, or may be missing. */
  readonly warnings: readonly string[];
}

export interface LogWish {
  readonly scope: EngineScope;
  /** Most lines, counted from the end. */
  readonly lines: number;
  /** Nothing older than this, epoch ms. */
  readonly since: number | undefined;
  /** Longest text; what is older is left out. */
  readonly maxBytes: number;
}

export interface EventWish {
  readonly scope: EngineScope;
  /** Most entries, counted from the end. */
  readonly limit: number;
}

/**
 * Tells what an engine knows of one sandbox. The layouts are the engine's own: people know them.
 *
 * Each answers `undefined` when the engine has nothing under this id. All of them read, are bounded in time and in
 * memory, and mask what is secret: values of variables and labels whose names say so, credentials inside addresses.
 */
export interface DiagnosticsFacet {
  /** What it wrote (`container`), what stands beside it wrote (`network`), how it stands (`runtime`, `process`). */
  logs(id: SandboxId, wish: LogWish, signal: AbortSignal): Promise<DiagnosticText | undefined>;
  /** What happened to it, as far as the engine remembers. */
  events(id: SandboxId, wish: EventWish, signal: AbortSignal): Promise<DiagnosticText | undefined>;
  /** How it was made and how it stands. */
  describe(id: SandboxId, signal: AbortSignal): Promise<DiagnosticText | undefined>;
}
