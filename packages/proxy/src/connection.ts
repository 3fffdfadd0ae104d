import { type Socket, connect } from 'node:net';
import type { FramedHead } from './answer-head.ts';
import { AnswerReader, type AnswerSink } from './answer-reader.ts';

const TCP_KEEP_ALIVE_AFTER_MS = 30_000;
/** What a connection reads into while little comes, and while much does. */
const SMALL_READ_BYTES = 4 * 1024;
const LARGE_READ_BYTES = 64 * 1024;

/** What is asked over a connection, as the connection sees it. */
export interface Asker extends AnswerSink {
  connected(): void;
  /** What was written has left; there is room for more. */
  drained(): void;
  /** Everything of one read has been handed over. */
  flushed(): void;
  /** Whether bytes that were handed over are still needed: their memory is not read into again then. */
  holdsBytes(): boolean;
  /** The connection is gone, and the answer was not complete. */
  failed(error: Error): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

type Phase = 'connecting' | 'waiting' | 'streaming' | 'idle' | 'closed';

/** A connection to a service, kept and used for one question after the other. */
export class Connection {
  readonly socket: Socket;
  readonly #reader = new AnswerReader();
  #asker: Asker | undefined;
  #phase: Phase = 'connecting';
  #hasSurplus = false;
  /** Something was asked over it before. */
  isUsed = false;
  /** When the phase began, or a part of the question was last taken. */
  since = 0;
  /** A part of the question was written or taken since somebody last looked. */
  hasMoved = false;
  /** While it is idle: for how long. */
  keepMs = 0;
  /** Bytes of the current answer have come. */
  hasAnswered = false;
  /** Read into again and again, as long as nobody holds what came last. */
  #memory: Buffer = Buffer.allocUnsafeSlow(SMALL_READ_BYTES);
  #wantedBytes = SMALL_READ_BYTES;
  #isMemoryHeld = false;
  /** The memory before, which is often free again when the next is held. */
  #spare: Buffer | undefined;
  #isSpareHeld = false;

  constructor({ host, port }: Address, closed: () => void) {
    const socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_AFTER_MS,
      onread: {
        buffer: () => this.#nextMemory(),
        callback: (count, memory) => {
          this.#read(Buffer.from(memory.buffer, memory.byteOffset, count));
          return true;
        },
      },
    });
    this.socket = socket;
    socket.on('connect', () => this.#connected());
    socket.on('drain', () => {
      this.hasMoved = true;
      this.#asker?.drained();
    });
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.close(error));
    socket.on('close', () => {
      this.close(new Error('the service closed the connection'));
      closed();
    });
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Binds the connection to one question. The caller writes it. */
  begin(asker: Asker, method: string): void {
    this.#asker = asker;
    this.hasAnswered = false;
    this.#hasSurplus = false;
    this.#reader.begin(method, asker);
    if (this.#phase === 'idle') this.#phase = 'waiting';
  }

  /** The answer has begun: from now on the service may be silent for as long as it likes. */
  answered(): void {
    this.#phase = 'streaming';
  }

  /** Reads on: everything that was handed over has left. */
  resume(): void {
    this.#isSpareHeld = false;
    this.socket.resume();
  }

  /** Question and answer are complete. False when the connection is of no more use. */
  release({ keepMs }: FramedHead): boolean {
    this.#asker = undefined;
    if (keepMs === 0 || this.#hasSurplus || !this.#reader.isDone || this.#phase === 'closed') return false;
    this.#phase = 'idle';
    this.isUsed = true;
    this.keepMs = keepMs;
    return true;
  }

  /** Ends the connection; who asked over it is told why. */
  close(error?: Error): void {
    const asker = this.#asker;
    this.#asker = undefined;
    this.#phase = 'closed';
    this.socket.destroy();
    if (error !== undefined) asker?.failed(error);
  }

  #connected(): void {
    this.#phase = 'waiting';
    this.#asker?.connected();
  }

  #read(bytes: Buffer): void {
    const asker = this.#asker;
    this.#take(bytes);
    this.#isMemoryHeld = asker?.holdsBytes() ?? false;
    this.#wantedBytes = bytes.length < SMALL_READ_BYTES ? SMALL_READ_BYTES : LARGE_READ_BYTES;
  }

  /** A stream that brings much gets much room; one that is silent for hours keeps little. */
  #nextMemory(): Buffer {
    const before = this.#memory;
    const isHeld = this.#isMemoryHeld;
    if (!isHeld) this.#isSpareHeld = false;
    const free = isHeld ? (this.#isSpareHeld ? undefined : this.#spare) : before;
    this.#memory = free?.length === this.#wantedBytes ? free : Buffer.allocUnsafeSlow(this.#wantedBytes);
    if (isHeld) {
      this.#spare = before;
      this.#isSpareHeld = true;
    }
    this.#isMemoryHeld = false;
    return this.#memory;
  }

  #take(bytes: Buffer): void {
    const asker = this.#asker;
    if (asker === undefined) {
      this.close();
      return;
    }
    this.hasAnswered = true;
    try {
      this.#hasSurplus = this.#reader.push(bytes) > 0;
    } catch (error) {
      this.close(error as Error);
      return;
    }
    asker.flushed();
  }

  #ended(): void {
    const asker = this.#asker;
    if (asker !== undefined && this.#reader.finish()) asker.flushed();
    else this.close(new Error('the service closed the connection'));
  }
}
