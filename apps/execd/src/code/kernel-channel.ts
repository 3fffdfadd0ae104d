import { abortable, cancelled, deadline, Fault } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';
import { parseKernelMessage } from './kernel-message.ts';
import type { KernelMessage } from './kernel-message.ts';

/** The messages of one kernel, both ways. */
export interface KernelChannel extends Disposable {
  send(frame: string): void;
  /** The next message; undefined once the connection is closed and all was read. Rejects when `signal` aborts. */
  receive(signal: AbortSignal): Promise<KernelMessage | undefined>;
}

/** The client WebSocket of the runtime, which can send headers and pongs. */
interface ClientSocket {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: (() => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  /** A pong nobody asked for: the protocol allows it, and nobody answers it. */
  pong(): void;
  close(): void;
}
type OpenClientSocket = new (
  url: string,
  options: { readonly headers: Readonly<Record<string, string>> },
) => ClientSocket;

export interface ChannelAddress {
  readonly clock: Clock;
  /** Carries the token: it must not appear in logs or errors. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const LONGEST_OPENING_MS = 30_000;
/** Characters. A client that takes no output cannot make the kernel wait, and must not fill the sandbox's memory. */
const MOST_WAITING = 64 * 1024 * 1024;

export async function openKernelChannel(
  address: ChannelAddress,
  signal: AbortSignal,
): Promise<KernelChannel> {
  const { WebSocket } = globalThis as unknown as { readonly WebSocket: OpenClientSocket };
  // The error of a WebSocket names its URL, and with it the token: the message here is our own.
  const failed = (): Fault =>
    new Fault('unavailable', 'kernel.unreachable', 'the connection to the kernel could not be opened');
  const socket = new WebSocket(address.url, { headers: address.headers });
  const inbox = createInbox();
  using limit = deadline(address.clock, LONGEST_OPENING_MS, signal, failed);
  const opened = new Promise<void>((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(failed());
    socket.onclose = () => {
      inbox.close();
      reject(failed());
    };
  });
  socket.onmessage = ({ data }) => {
    // Acknowledges at once. Without it the server's next small message waits for the kernel's delayed
    // acknowledgement of this one, 40 ms each time, for it does not set TCP_NODELAY.
    socket.pong();
    const message = typeof data === 'string' ? parseKernelMessage(data) : undefined;
    if (message !== undefined && typeof data === 'string') inbox.add(message, data.length);
    if (inbox.waiting > MOST_WAITING) socket.close();
  };
  try {
    await abortable(opened, limit.signal);
  } catch (error) {
    socket.close();
    throw error;
  }
  return {
    send: (frame) => socket.send(frame),
    receive: (receiving) => inbox.next(receiving),
    [Symbol.dispose]: () => socket.close(),
  };
}

interface Inbox {
  /** Together, the sizes of what was added and not yet taken. */
  readonly waiting: number;
  add(message: KernelMessage, size: number): void;
  close(): void;
  next(signal: AbortSignal): Promise<KernelMessage | undefined>;
}

/** Messages in the order they came, for one reader. */
export function createInbox(): Inbox {
  const messages: { readonly message: KernelMessage; readonly size: number }[] = [];
  let waiting = 0;
  let isClosed = false;
  let wake: () => void = () => undefined;

  return {
    get waiting() {
      return waiting;
    },
    add(message, size) {
      messages.push({ message, size });
      waiting += size;
      wake();
    },
    close() {
      isClosed = true;
      wake();
    },
    async next(signal) {
      for (;;) {
        if (signal.aborted) throw cancelled(signal);
        const first = messages.shift();
        if (first !== undefined) {
          waiting -= first.size;
          return first.message;
        }
        if (isClosed) return undefined;
        await abortable(new Promise<void>((resolve) => (wake = resolve)), signal);
      }
    },
  };
}
