/** What the gateway knows of a sandbox. */
export interface SandboxEntry {
  /** Where the sandbox's ports are dialled; `basePath` stands before the path (`''` for none). */
  readonly dial: (port: number) => { readonly host: string; readonly port: number; readonly basePath: string };
  /** Clients have to show it, or a signature, when it is there. */
  readonly accessToken: string | undefined;
}

/**
 * Where the gateway finds sandboxes. Answers come from what was read before; a source that cannot do without
 * asking says so in its own documentation.
 */
export interface SandboxDirectory {
  /**
   * Throws a Fault: `not_found` (`sandbox.not_found`), `unavailable` (`sandbox.not_ready`), `conflict`
   * (`sandbox.ambiguous`), anything else when the source itself is away.
   */
  find(sandboxId: string, signal: AbortSignal): Promise<SandboxEntry> | SandboxEntry;
  /** Whether what it tells is fresh enough to be relied on; for the health route. */
  health(): { readonly isFresh: boolean; readonly ageMs: number; readonly sandboxes: number };
}
