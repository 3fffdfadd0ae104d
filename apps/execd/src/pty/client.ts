import type { Clock } from '@opensandbox/base';
import type { ClientSocket, WebSocketRelay } from '../proxy/web-socket-relay.ts';
import type { ClientFrame, ErrorFrameCode, OutputName } from './frames.ts';
import { errorFrame, exitFrame, outputFrames, parseClientFrame } from './frames.ts';

const PING_EVERY_MS = 30_000;
const DEAD_AFTER_MS = 60_000;
/** How long a client has to answer the closing handshake. */
const CLOSING_MS = 5000;
/** Answers to a client that asks without ever reading. */
const MOST_UNREAD_ANSWERS_BYTES = 4 * 1024 * 1024;

const CLOSE = { normal: 1000, internalError: 1011 } as const;

export interface ClientEvents {
  readonly opened: (client: Client) => void;
  readonly frame: (client: Client, frame: ClientFrame) => void;
  readonly closed: (client: Client) => void;
}

/**
 * One connected WebSocket. A client is dropped when for 60 s neither a frame nor a pong came from it, or when it
 * took nothing of what waits for it. While it is held back with `pause` only the second is asked of it.
 */
export class Client {
  readonly #clock: Clock;
  readonly #events: ClientEvents;
  /** Those who wait for room; they are let go as soon as there is nobody to send to. */
  readonly #waiting = new Set<() => void>();
  /** What the client said before it was attached to a program. */
  readonly early: ClientFrame[] = [];
  #socket: ClientSocket | undefined;
  #timer: Disposable | undefined;
  #isEnding = false;
  #isPaused = false;
  #seenAt = 0;
  #sentBytes = 0;
  #takenBytes = 0;
  #takenAt = 0;

  constructor(clock: Clock, events: ClientEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  readonly relay: WebSocketRelay = {
    opened: (socket) => this.#open(socket),
    message: (message) => {
      this.#seenAt = this.#clock.now();
      if (!this.#isEnding) this.#events.frame(this, parseClientFrame(message));
    },
    alive: () => {
      this.#seenAt = this.#clock.now();
    },
    closed: () => this.#close(),
  };

  /** Resolves when there is room for more, or nobody to send to. */
  async output(name: OutputName, bytes: Uint8Array): Promise<void> {
    for (const frame of outputFrames(name, bytes)) await this.#room(this.#send(frame));
  }

  replay(frame: Uint8Array): void {
    void this.#send(frame);
  }

  tell(frame: string): void {
    void this.#send(frame);
    const unread = this.#socket?.bufferedBytes() ?? 0;
    if (unread > MOST_UNREAD_ANSWERS_BYTES) this.#socket?.terminate();
  }

  /** Tells how the program ended, and closes when the client has taken it. */
  exit(exitCode: number): void {
    const told = this.#room(this.#send(exitFrame(exitCode)));
    void told.then(() => this.end(CLOSE.normal, 'process exited'));
  }

  /** Says that a frame has no meaning; the connection stays. */
  refuse(type: string): void {
    this.tell(errorFrame('INVALID_FRAME', `unknown frame type ${JSON.stringify(type)}`));
  }

  fail(code: ErrorFrameCode, message: string): void {
    void this.#send(errorFrame(code, message));
    this.end(CLOSE.internalError, code);
  }

  end(code: number, reason: string): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#letGo();
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#clock.at(this.#clock.now() + CLOSING_MS, () => this.#socket?.terminate());
    this.#socket?.resume(); // its answer must be read
    this.#socket?.close(code, reason);
  }

  /** Stops or goes on reading what the client sends. */
  set isPaused(isPaused: boolean) {
    if (isPaused === this.#isPaused || this.#isEnding) return;
    this.#isPaused = isPaused;
    this.#seenAt = this.#clock.now();
    if (isPaused) this.#socket?.pause();
    else this.#socket?.resume();
  }

  #open(socket: ClientSocket): void {
    this.#socket = socket;
    this.#seenAt = this.#clock.now();
    this.#takenAt = this.#seenAt;
    this.#arm();
    this.#events.opened(this);
  }

  #close(): void {
    this.#isEnding = true;
    this.#socket = undefined;
    this.#timer?.[Symbol.dispose]();
    this.#letGo();
    this.#events.closed(this);
  }

  #send(message: string | Uint8Array): Promise<void> {
    if (this.#socket === undefined || this.#isEnding) return Promise.resolve();
    this.#sentBytes += message.length;
    return this.#socket.send(message);
  }

  #room(sent: Promise<void>): Promise<void> {
    if (this.#isEnding) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      void sent.then(() => {
        this.#waiting.delete(resolve);
        resolve();
      });
    });
  }

  #letGo(): void {
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }

  #arm(): void {
    this.#timer = this.#clock.at(this.#clock.now() + PING_EVERY_MS, () => this.#check());
  }

  #check(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    const now = this.#clock.now();
    const unread = socket.bufferedBytes();
    const taken = this.#sentBytes - unread;
    if (unread === 0 || taken > this.#takenBytes) this.#takenAt = now;
    this.#takenBytes = taken;
    // Behind unread bytes the ping waits too: then it is the taking that shows life.
    const aliveAt = unread > 0 || this.#isPaused ? this.#takenAt : this.#seenAt;
    if (now - aliveAt >= DEAD_AFTER_MS) {
      socket.terminate();
      return;
    }
    socket.ping();
    this.#arm();
  }
}
