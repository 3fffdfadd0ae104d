/** What a stream of events tells about one execution. No other `type` may carry text: clients print it. */
export type AgentEvent =
  | { readonly type: 'init'; readonly text: string }
  | { readonly type: 'ping'; readonly text: 'pong' }
  /** One line. `partial` when its end has not come yet: the next event of this type goes on with it. */
  | { readonly type: 'stdout' | 'stderr'; readonly text: string; readonly partial?: true }
  | { readonly type: 'execution_complete'; readonly execution_time: number }
  | { readonly type: 'execution_count'; readonly execution_count: number }
  /** Text by MIME type. The plain text is there twice, under the names different clients look for. */
  | { readonly type: 'result'; readonly results: Readonly<Record<string, string>> }
  | ErrorEvent;

export interface ErrorEvent {
  readonly type: 'error';
  /** In isolated sessions, whose clients do not print it. */
  readonly text?: string;
  readonly error: {
    readonly ename: string;
    readonly evalue: string;
    readonly traceback: readonly string[];
  };
  /** The two keys of an error body, which one client looks for at this level. */
  readonly code?: string;
  readonly message?: string;
}

/** The end of a command that did not succeed: `evalue` is its exit code, or -1 after a signal. */
export function commandError(evalue: string, traceback: string): ErrorEvent {
  return { type: 'error', error: { ename: 'CommandExecError', evalue, traceback: [traceback] } };
}

/** A failure of the agent itself after the stream has begun. */
export function runtimeError(message: string): ErrorEvent {
  const error = { ename: 'RUNTIME_ERROR', evalue: message, traceback: [message] };
  return { type: 'error', error, code: 'RUNTIME_ERROR', message };
}
