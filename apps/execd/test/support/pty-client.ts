import { once } from 'node:events';
import { WebSocket } from 'ws';
import { eventually, post } from './event-lines.ts';

/** A client of a shell session, which keeps everything it was sent. */
export interface PtyClient {
  readonly socket: WebSocket;
  /** Output without replays; both streams unless one is named. */
  text(name?: 'stdout' | 'stderr'): string;
  /** Replayed and live output, in the order it came. */
  bytes(): Buffer;
  /** How many bytes of output came, replays included. */
  received(): number;
  readonly replays: readonly { readonly offset: number; readonly bytes: Buffer }[];
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  /** What came first, second, ...: `replay`, `stdout`, `stderr`, or the type of a message. */
  readonly order: readonly string[];
  type(text: string): void;
  tell(message: unknown): void;
  /** Waits for a message of a type. */
  message(type: string): Promise<Readonly<Record<string, unknown>>>;
  /** Waits until the output holds this. */
  see(wanted: string | RegExp): Promise<void>;
  closed(): Promise<{ readonly code: number; readonly reason: string }>;
  close(): void;
}

const TAGS = ['', 'stdout', 'stderr', 'replay'];

export async function createPty(url: string, body: unknown = {}): Promise<string> {
  const response = await post(url, '/pty', body);
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return ((await response.json()) as { session_id: string }).session_id;
}

/** Connects; rejects with the status when the handshake is refused. */
export async function connectPty(url: string, id: string, query = ''): Promise<PtyClient> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/pty/${id}/ws${query}`, {
    perMessageDeflate: false,
  });
  const client = followSocket(socket);
  const refused = new Promise<never>((_resolve, reject) => {
    socket.once('unexpected-response', (_request, response) => {
      response.resume();
      reject(new Error(`refused with ${response.statusCode ?? 0}`));
    });
    socket.once('error', reject);
  });
  await Promise.race([once(socket, 'open'), refused]);
  return client;
}

function followSocket(socket: WebSocket): PtyClient {
  const live: { name: string; bytes: Buffer }[] = [];
  const all: Buffer[] = [];
  const replays: { offset: number; bytes: Buffer }[] = [];
  const messages: Readonly<Record<string, unknown>>[] = [];
  const order: string[] = [];
  let received = 0;
  let end: { code: number; reason: string } | undefined;
  socket.on('close', (code, reason) => (end = { code, reason: reason.toString() }));
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) {
      const message = JSON.parse(data.toString()) as Readonly<Record<string, unknown>>;
      messages.push(message);
      order.push(String(message['type']));
      return;
    }
    const name = TAGS[data[0] ?? 0] ?? '';
    order.push(name);
    const bytes = data.subarray(name === 'replay' ? 9 : 1);
    if (name === 'replay') replays.push({ offset: Number(data.readBigInt64BE(1)), bytes });
    else live.push({ name, bytes });
    all.push(bytes);
    received += bytes.length;
  });
  const text = (name?: string): string => {
    const wanted = live.filter((piece) => name === undefined || piece.name === name);
    return Buffer.concat(wanted.map((piece) => piece.bytes)).toString();
  };
  return {
    socket,
    text,
    bytes: () => Buffer.concat(all),
    received: () => received,
    replays,
    messages,
    order,
    type: (line) => socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(line)])),
    tell: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    message: (type) => eventually(async () => messages.find((message) => message['type'] === type)),
    async see(wanted) {
      const isThere = (): boolean =>
        typeof wanted === 'string' ? text().includes(wanted) : wanted.test(text());
      await eventually(async () => (isThere() ? true : undefined)).catch(() => {
        throw new Error(`not seen: ${String(wanted)} in ${JSON.stringify(text().slice(-2000))}`);
      });
    },
    closed: () => eventually(async () => end),
    close: () => socket.close(),
  };
}
