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
    if (message !== undefined) inbox.add(message);
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
  add(message: KernelMessage): void;
  close(): void;
  next(signal: AbortSignal): Promise<KernelMessage | undefined>;
}

/** Messages in the order they came, for one reader. */
export function createInbox(): Inbox {
  const messages: KernelMessage[] = [];
  let isClosed = false;
  let wake: () => void = () => undefined;

  return {
    add(message) {
      messages.push(message);
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
        if (first !== undefined) return first;
        if (isClosed) return undefined;
        await abortable(new Promise<void>((resolve) => (wake = resolve)), signal);
      }
    },
  };
}
