/** What a server said. */
export interface ServerAnswer {
  readonly status: number;
  /** The parsed JSON body; `undefined` when it is none. */
  readonly body: unknown;
}
