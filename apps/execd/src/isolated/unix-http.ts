/** The part of the runtime that speaks HTTP over a socket that has a path. */
interface UnixRuntime {
  serve(options: {
    readonly unix: string;
    readonly idleTimeout?: number;
    readonly maxRequestBodySize: number;
    fetch(request: Request): Response | Promise<Response>;
  }): unknown;
}

export function serveUnix(path: string, answer: (request: Request) => Response | Promise<Response>): void {
  const runtime = (globalThis as { readonly Bun?: UnixRuntime }).Bun;
  if (runtime === undefined) throw new Error('the agent runs on Bun');
  runtime.serve({ unix: path, maxRequestBodySize: Number.MAX_SAFE_INTEGER, fetch: answer });
}

/** Asks the server behind a socket. No time limit, and what it answers is passed on as it is. */
export function fetchUnix(path: string, url: string, init: RequestInit = {}): Promise<Response> {
  const options = { ...init, unix: path, timeout: false, decompress: false, keepalive: false };
  return fetch(`http://session${url}`, options);
}
