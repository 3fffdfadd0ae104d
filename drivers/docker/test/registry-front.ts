import { createServer, request as ask } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';

const SMALL_BYTES = 100_000;
const PIECES = 10;
const PIECE_MS = 100;

/** Answers in the registry's place, or passes the answer on changed; `false` lets the registry answer. */
export type Disturbance = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Stands before a registry: counts what is asked, and does what real networks and registries do at times. */
export interface RegistryFront extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** `GET /v2/…`, in order. */
  readonly asked: string[];
  /** How many questions are being answered now. */
  readonly open: () => number;
  disturb: Disturbance;
  /** Keeps large blobs half way until it is called again with `false`. */
  hold(isHeld: boolean): void;
}

export async function openRegistryFront(registry: string): Promise<RegistryFront> {
  let open = 0;
  let held: Promise<void> | undefined;
  let release = (): void => undefined;
  const server = createServer((request, response) => {
    open += 1;
    response.once('close', () => (open -= 1));
    front.asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    if (!front.disturb(request, response)) void passOn(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const front: RegistryFront = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    open: () => open,
    disturb: () => false,
    hold(isHeld) {
      release();
      release = () => undefined;
      held = isHeld ? new Promise<void>((resolve) => (release = resolve)) : undefined;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function passOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [host = '', port = ''] = registry.split(':');
    const { method, url, headers } = request;
    const asking = ask({ host, port, method, path: url, headers });
    const answering = once(asking, 'response') as Promise<[IncomingMessage]>;
    await Promise.all([pipeline(request, asking), answering]);
    const [answer] = await answering;
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    const until = held;
    const isLarge = Number(answer.headers['content-length'] ?? 0) > SMALL_BYTES;
    if (until === undefined || !isBlob(request) || !isLarge) return pipeline(answer, response);
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    // In pieces: an engine tells its progress as it reads, and not each time.
    const half = Math.floor(body.length / 2);
    const piece = Math.ceil(half / PIECES);
    for (let at = 0; at < half; at += piece) {
      response.write(body.subarray(at, Math.min(at + piece, half)));
      await wait(PIECE_MS);
    }
    await until;
    response.end(body.subarray(half));
  }
  return front;
}

export function isBlob({ method, url }: IncomingMessage): boolean {
  return method === 'GET' && (url ?? '').includes('/blobs/');
}

export function isManifest({ url }: IncomingMessage): boolean {
  return (url ?? '').includes('/manifests/');
}
