import { once } from 'node:events';
import { type Socket, connect } from 'node:net';

/** A connection whose bytes a test writes and reads itself. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  text = '';
  #changed: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.text += chunk;
      this.#changed();
    });
    socket.on('close', () => this.#changed());
    socket.on('error', () => undefined);
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  send(...lines: readonly string[]): this {
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    return this;
  }

  /** Waits until what was received matches; fails when the connection ends first. */
  async received(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.text);
      if (match !== null) return match;
      if (this.socket.closed) throw new Error(`ended without ${String(pattern)}: ${this.text}`);
      await new Promise<void>((resolve) => (this.#changed = resolve));
    }
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close');
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** One request on a connection of its own; resolves when the connection has ended. */
export async function ask(port: number, ...lines: readonly string[]): Promise<RawAnswer> {
  using client = await RawClient.open(port);
  client.send(...lines, 'Connection: close');
  await client.closed();
  const [head = '', ...body] = client.text.split('\r\n\r\n');
  return { status: Number(head.slice(9, 12)), head, body: body.join('\r\n\r\n') };
}
