import { once } from 'node:events';
import { type Socket, connect } from 'node:net';

/** A connection whose bytes a test writes and reads itself. */
export class RawConnection implements Disposable {
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

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  send(...lines: readonly string[]): void {
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
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
