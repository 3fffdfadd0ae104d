import type { Socket } from 'node:net';

/** The bytes of a connection, taken at the reader's pace. */
export interface ByteReader {
  /** The next bytes, or undefined at the end. Rejects when the connection broke. */
  read(): Promise<Buffer | undefined>;
  /** Puts bytes back in front of what comes next. */
  unread(bytes: Buffer): void;
}

const MOST_WAITING_BYTES = 256 * 1024;

export function createByteReader(socket: Socket): ByteReader {
  const pieces: Buffer[] = [];
  let waitingBytes = 0;
  let ended = false;
  let broken: Error | undefined;
  let wake: (() => void) | undefined;

  function changed(): void {
    wake?.();
    wake = undefined;
  }
  socket.on('data', (bytes: Buffer) => {
    pieces.push(bytes);
    waitingBytes += bytes.length;
    if (waitingBytes > MOST_WAITING_BYTES) socket.pause();
    changed();
  });
  socket.on('end', () => {
    ended = true;
    changed();
  });
  socket.on('close', () => {
    ended = true;
    changed();
  });
  socket.on('error', (error: Error) => {
    broken = error;
    changed();
  });

  return {
    async read() {
      for (;;) {
        const piece = pieces.shift();
        if (piece !== undefined) {
          const wasFull = waitingBytes > MOST_WAITING_BYTES;
          waitingBytes -= piece.length;
          if (wasFull && waitingBytes <= MOST_WAITING_BYTES) socket.resume();
          return piece;
        }
        if (broken !== undefined) throw broken;
        if (ended) return undefined;
        await new Promise<void>((resume) => (wake = resume));
      }
    },
    unread(bytes) {
      if (bytes.length === 0) return;
      pieces.unshift(bytes);
      waitingBytes += bytes.length;
    },
  };
}
