import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLines } from './lines.ts';

async function linesOf(chunks: readonly Uint8Array[], longest = 1000): Promise<string[]> {
  const lines: string[] = [];
  const stream = (async function* () {
    yield* chunks;
  })();
  for await (const line of readLines(stream, longest)) lines.push(line);
  return lines;
}

describe('readLines', () => {
  it('gives the same lines however the bytes are cut', async () => {
    const texts = fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, '').trim()));
    const cuts = fc.array(fc.nat());
    await fc.assert(
      fc.asyncProperty(texts, cuts, async (lines, places) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
        const edges = [0, ...sorted, bytes.length];
        const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
        expect(await linesOf(chunks, 10_000)).toEqual(lines.filter((line) => line !== ''));
      }),
    );
  });

  it('gives the last line without its end, too', async () => {
    expect(await linesOf([Buffer.from('a\r\nb')])).toEqual(['a', 'b']);
  });

  it.each([
    ['in one piece', [Buffer.from(`${'x'.repeat(11)}\n`)]],
    ['in pieces, before its end came', [Buffer.from('x'.repeat(6)), Buffer.from('x'.repeat(5))]],
  ])('refuses a line that is too long %s', async (_how, chunks) => {
    await expect(linesOf(chunks, 10)).rejects.toMatchObject({ code: 'kubernetes.failed' });
    expect(await linesOf([Buffer.from(`${'x'.repeat(10)}\n`)], 10)).toHaveLength(1);
  });
});
