/**
 * The part of Bun's API this program uses. Declared here and not taken from Bun's types, which would change
 * what `fetch`, `Response` and `process` mean in every other package of the repository.
 */
export interface BunServer {
  readonly port: number;
  upgrade(request: Request, options: { readonly headers: Headers; readonly data: unknown }): boolean;
  requestIP(request: Request): { readonly address: string } | null;
  /** Stops accepting; resolves when the last connection is done. With `true`, cuts connections off. */
  stop(closeActive?: boolean): Promise<void>;
}

export interface BunWebSocket {
  readonly data: unknown;
  /** Bytes sent; 0 when the message was dropped, -1 when it waits for room. */
  send(message: string | Uint8Array): number;
  /** Like `send`. */
  ping(): number;
  /** Stops reading what the client sends, until `resume`. Not even that it left is noticed meanwhile. */
  pause(): void;
  resume(): void;
  /** Bytes that wait for room. */
  getBufferedAmount(): number;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

export interface BunServeOptions {
  readonly hostname: string;
  readonly port: number;
  readonly development: false;
  /** Two agents on one port would each get some of the requests. */
  readonly reusePort: false;
  /** Seconds without traffic after which a connection ends; 0 is never. */
  readonly idleTimeout: number;
  readonly maxRequestBodySize: number;
  fetch(request: Request, server: BunServer): Promise<Response | undefined>;
  error(error: unknown): Response;
  readonly websocket: {
    readonly idleTimeout: number;
    readonly maxPayloadLength: number;
    readonly backpressureLimit: number;
    readonly closeOnBackpressureLimit: boolean;
    readonly perMessageDeflate: boolean;
    readonly sendPings: boolean;
    open(socket: BunWebSocket): void;
    message(socket: BunWebSocket, message: string | Uint8Array): void;
    drain(socket: BunWebSocket): void;
    ping(socket: BunWebSocket): void;
    pong(socket: BunWebSocket): void;
    close(socket: BunWebSocket, code: number, reason: string): void;
  };
}

export interface BunRuntime {
  serve(options: BunServeOptions): BunServer;
  /** Collects garbage now; returns the size of the heap. */
  gc(force: boolean): number;
  /** What an open descriptor gives; reads on when it is asked to and leaves the descriptor open. */
  file(fd: number): { stream(): ReadableStream<Uint8Array> };
}

/** The runtime this program was built for; throws under any other. */
export function bunRuntime(): BunRuntime {
  const runtime = (globalThis as { readonly Bun?: BunRuntime }).Bun;
  if (runtime === undefined) throw new Error('the agent runs on Bun');
  return runtime;
}
