/** What one request or one tunnel came to. Told once, when it has ended. */
export interface TrafficFacts {
  /** The service's own status, 101 for an open tunnel; `undefined` when it gave no answer that could be passed on. */
  readonly status: number | undefined;
  /** Bytes of bodies (of a tunnel: all bytes) from the client to the service. */
  readonly upBytes: number;
  /** The same from the service to the client. */
  readonly downBytes: number;
  /** From the hand-over to the proxy until the answer began; `undefined` when it never did. */
  readonly firstByteMs: number | undefined;
  /** From the hand-over to the proxy until the end. */
  readonly durationMs: number;
  /** It ended before it was complete, on either side. */
  readonly isBroken: boolean;
}

/** How a proxied stream keeps others informed while it lasts. Neither may throw. */
export interface TrafficHooks {
  /** Called while bytes pass in either direction, at most once a second and not before the first second is over. */
  readonly active?: () => void;
  readonly observed?: (facts: TrafficFacts) => void;
}
