import { answerFault } from './faults.ts';

const NEWLINE = 0x0a;

/** The lines of a stream as texts, without empty ones. A line longer than `longest` bytes is a Fault, not memory. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, longest: number): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      checkLength(held + end, longest);
      const line = Buffer.concat([...parts, rest.subarray(0, end)])
        .toString('utf8')
        .trim();
      parts = [];
      held = 0;
      rest = rest.subarray(end + 1);
      if (line !== '') yield line;
    }
    if (rest.length === 0) continue;
    held += rest.length;
    checkLength(held, longest);
    parts.push(rest);
  }
  const last = Buffer.concat(parts).toString('utf8').trim();
  if (last !== '') yield last;
}

function checkLength(bytes: number, longest: number): void {
  if (bytes > longest) throw answerFault(`A watch sent a line of more than ${longest} bytes.`);
}
