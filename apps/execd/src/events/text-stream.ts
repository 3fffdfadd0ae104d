import { memoryRelief } from '../files/memory-relief.ts';

/** Text sent piece by piece in one response. */
export interface TextStream {
  readonly body: ReadableStream<Uint8Array>;
  /** Aborts when the client went away. */
  readonly gone: AbortSignal;
  /** Resolves when there is room for more. After the client has gone it does nothing. */
  write(text: string): Promise<void>;
  end(): void;
}

const BUFFERED_BYTES = 256 * 1024;

/** One for all streams, so that many at once do not each pile up their share. */
const relieve = memoryRelief();

/** A piece has gone through copies of itself, as bytes and as text, whose size the collector does not know. */
const COPIES = 2;
const LARGE_BYTES = 1024 * 1024;
const COPIES_OF_LARGE = 5;

export function openTextStream(requestSignal: AbortSignal): TextStream {
  const gone = new AbortController();
  const encoder = new TextEncoder();
  let sink: ReadableStreamDefaultController<Uint8Array> | undefined;
  let waiting: (() => void)[] = [];

  function wake(): void {
    const ready = waiting;
    waiting = [];
    for (const resume of ready) resume();
  }
  function leave(): void {
    sink = undefined;
    gone.abort();
    wake();
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => void (sink = controller),
      pull: wake,
      cancel: leave,
    },
    { highWaterMark: BUFFERED_BYTES, size: (piece) => piece.byteLength },
  );
  if (requestSignal.aborted) leave();
  else requestSignal.addEventListener('abort', leave, { once: true });

  return {
    body,
    gone: gone.signal,
    write(text) {
      if (sink === undefined) return Promise.resolve();
      const bytes = encoder.encode(text);
      relieve(bytes.length * (bytes.length > LARGE_BYTES ? COPIES_OF_LARGE : COPIES));
      sink.enqueue(bytes);
      if ((sink.desiredSize ?? 1) > 0) return Promise.resolve();
      return new Promise((resume) => waiting.push(resume));
    },
    end() {
      requestSignal.removeEventListener('abort', leave);
      sink?.close();
      sink = undefined;
      wake();
    },
  };
}

/** The headers of a stream of events. */
export function streamResponse(stream: Pick<TextStream, 'body'>): Response {
  return new Response(stream.body, {
    status: 200,
    headers: {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache',
      Connection: 'keep-alive',
      'X-Accel-Buffering': 'no',
    },
  });
}
