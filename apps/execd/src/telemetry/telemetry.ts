/** One request the agent has answered. */
export interface Answered {
  readonly method: string;
  /** The template of its route; undefined when it matched none. */
  readonly route: string | undefined;
  readonly status: number;
  /** For an answer that goes on: how it ended, once it has. */
  readonly outcome: Promise<Outcome> | undefined;
}

export type Outcome = 'success' | 'failure';

/** A request that somebody wants to know of. */
export interface Followed {
  /** What an application behind the proxy is told, so that it continues the trace; empty when nobody records it. */
  readonly headers: readonly string[];
  /** Called once with the answer. */
  answered(answered: Answered): void;
}

/** Where the agent's measurements go. Costs a request nothing while nobody collects them. */
export interface Telemetry {
  /** Called when a request begins. Undefined while nobody collects. */
  begin(request: Request): Followed | undefined;
  /** Hands over what is left. Returns at the latest when `signal` aborts. */
  close(signal: AbortSignal): Promise<void>;
}

export const noTelemetry: Telemetry = {
  begin: () => undefined,
  close: () => Promise.resolve(),
};
