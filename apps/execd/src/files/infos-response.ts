import { jsonBytes } from '../error-envelope.ts';

const SHORT_BYTES = 4 * 1024 * 1024;

/** An answer of some length goes out piece by piece, without a Content-Length: put together it would be there twice. */
export function infosResponse(pieces: readonly Uint8Array[]): Response {
  const total = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  if (total <= SHORT_BYTES) return jsonBytes(Buffer.concat(pieces));
  const waiting = pieces.values();
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = waiting.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { status: 200, headers: { 'Content-Type': 'application/json; charset=utf-8' } });
}
