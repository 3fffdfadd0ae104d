import { deadline, Fault } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';

export interface JupyterRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface JupyterResponse {
  readonly status: number;
  readonly body: string;
}

/** Starting a kernel is the slowest thing a Jupyter server is asked for. */
const LONGEST_ANSWER_MS = 90_000;

/**
 * Sends one request. Not through `fetch`: that goes through the proxy named in the sandbox's environment, where a
 * local address leads nowhere and the token would be read by others. Redirects are not followed, so the
 * token stays with the configured host.
 */
export function jupyterRequest(clock: Clock) {
  return async (request: JupyterRequest, signal: AbortSignal): Promise<JupyterResponse> => {
    const late = (): Fault => new Fault('unavailable', 'jupyter.late', 'the Jupyter server did not answer');
    using limit = deadline(clock, LONGEST_ANSWER_MS, signal, late);
    // Loaded with the first use of a kernel: most sandboxes never have one.
    const { request: open } = await (request.url.startsWith('https:')
      ? import('node:https')
      : import('node:http'));
    return await new Promise((resolve, reject) => {
      const fail = (): void => {
        const reason: unknown = limit.signal.reason;
        const unreachable = (): Fault =>
          new Fault('unavailable', 'jupyter.unreachable', 'the Jupyter server cannot be reached');
        reject(reason instanceof Error ? reason : unreachable());
      };
      const headers = {
        ...request.headers,
        ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
        'Content-Length': String(Buffer.byteLength(request.body ?? '')),
      };
      const sent = open(request.url, { method: request.method, headers, agent: false });
      const giveUp = (): void => {
        fail();
        sent.destroy();
      };
      if (limit.signal.aborted) giveUp();
      else limit.signal.addEventListener('abort', giveUp, { once: true });
      sent.on('error', fail);
      sent.on('response', (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', fail);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() });
        });
      });
      sent.end(request.body);
    });
  };
}
