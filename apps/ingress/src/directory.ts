/** Where a port of a sandbox is dialled; `basePath` stands before the path (`''` for none). */
export interface DialAddress {
  readonly host: string;
  readonly port: number;
  readonly basePath: string;
}

/** What the gateway knows of a sandbox. */
export interface SandboxEntry {
  /** A source that has to ask for the address of a port answers with a promise, and throws as `find` does. */
  readonly dial: (port: number, signal: AbortSignal) => DialAddress | Promise<DialAddress>;
  /** Clients have to show it, or a signature, when it is there. */
  readonly accessToken: string | undefined;
  /** The one name of the sandbox in a source where several ids stand for it. */
  readonly knownAs?: string | undefined;
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
  /** Nothing answered at the address of this port: what is known of the sandbox may be out of date. */
  doubt?(sandboxId: string, port: number): void;
  /** Whether what it tells is fresh enough to be relied on; for the health route. */
  health(): { readonly isFresh: boolean; readonly ageMs: number; readonly sandboxes: number };
}
