import { Agent, request } from 'undici';
import { type Clock, Fault, type Secret, cancelled, deadline } from '@opensandbox/base';
import type { ServerAnswer } from './server-answer.ts';
import { unexpectedAnswer } from './server-faults.ts';

/** Long enough for a server that is busy; a client waits for it. */
const ANSWER_TIMEOUT_MS = 10_000;
const LONGEST_ANSWER_BYTES = 1024 * 1024;

/** The lifecycle API of an OpenSandbox server. */
export interface ServerApi {
  /** `path` begins below `/v1`. Rejects with `unavailable` or `timeout` when the server gives no answer. */
  get(path: string, signal: AbortSignal): Promise<ServerAnswer>;
  close(): Promise<void>;
}

export interface ServerApiOptions {
  /** `http(s)://host[:port][/base]`, with or without a final `/v1`. */
  readonly url: URL;
  readonly apiKey: Secret | undefined;
}

export function openServerApi({ url, apiKey }: ServerApiOptions, clock: Clock): ServerApi {
  const agent = new Agent({ connect: { timeout: ANSWER_TIMEOUT_MS }, connections: 32 });
  const base = url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  return {
    async get(path, signal) {
      using limit = deadline(clock, ANSWER_TIMEOUT_MS, signal, tooSlow);
      try {
        const answer = await request(`${url.origin}${base}/v1${path}`, {
          dispatcher: agent,
          signal: limit.signal,
          headers: apiKey === undefined ? {} : { 'OPEN-SANDBOX-API-KEY': apiKey.reveal() },
        });
        return { status: answer.statusCode, body: parseJson(await readText(answer.body)) };
      } catch (error) {
        // Clients that left say nothing about the server.
        if (limit.signal.aborted) throw cancelled(limit.signal);
        throw error instanceof Fault ? error : away(error);
      }
    },
    close: () => agent.destroy(),
  };
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > LONGEST_ANSWER_BYTES) throw unexpectedAnswer('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the status decides; a body that is needed is missed where it is read
  }
}

function tooSlow(): Fault {
  return new Fault('timeout', 'source.away', 'the OpenSandbox server did not answer in time');
}

function away(cause: unknown): Fault {
  return new Fault('unavailable', 'source.away', 'the OpenSandbox server cannot be reached', { cause });
}
