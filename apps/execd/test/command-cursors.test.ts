import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { logBody, logRange } from '../src/commands/command-logs.ts';
import type { CommandRecord } from '../src/commands/command-record.ts';

const DIRECTORY = mkdtempSync(join(tmpdir(), 'execd-cursors-'));
const PATH = join(DIRECTORY, 'output');
afterAll(() => rmSync(DIRECTORY, { recursive: true, force: true }));

const RUNNING: CommandRecord = {
  id: 'a',
  command: 'true',
  group: undefined,
  leader: undefined,
  startedAt: 0,
  dueAt: undefined,
  outputPath: PATH,
  end: undefined,
};
const ENDED: CommandRecord = {
  ...RUNNING,
  end: { exit: { code: 0, signal: undefined }, finishedAt: 1, error: '' },
};

async function read(record: CommandRecord, cursor: number): Promise<{ bytes: Buffer; next: number }> {
  const range = logRange(record, cursor);
  const bytes = Buffer.from(await new Response(logBody(range)).arrayBuffer());
  return { bytes, next: range.to };
}

describe('the cursor of a log', () => {
  it('leads through the whole output once, whatever was there at each reading, and cuts no character', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\n', 'é', '→', '😀'), maxLength: 60 });
    const steps = fc.array(fc.nat({ max: 12 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(text, steps, async (whole, sizes) => {
        const output = Buffer.from(whole);
        writeFileSync(PATH, '');
        const told: Buffer[] = [];
        let written = 0;
        let cursor = 0;
        for (const size of sizes) {
          appendFileSync(PATH, output.subarray(written, written + size));
          written = Math.min(output.length, written + size);
          const { bytes, next } = await read(RUNNING, cursor);
          expect(Buffer.from(bytes.toString('utf8')).equals(bytes)).toBe(true);
          expect(next).toBe(cursor + bytes.length);
          told.push(bytes);
          cursor = next;
        }
        appendFileSync(PATH, output.subarray(written));
        told.push((await read(ENDED, cursor)).bytes);
        expect(Buffer.concat(told).equals(output)).toBe(true);
      }),
    );
  });

  it('begins where the output begins that was kept, and beyond the end gives nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 20 }), fc.nat({ max: 30 }), async (firstByte, cursor) => {
        const output = Buffer.from('0123456789abcdefghij');
        writeFileSync(PATH, output);
        const { bytes, next } = await read({ ...ENDED, firstByte }, cursor);
        const from = Math.max(firstByte, cursor);
        expect(bytes.equals(output.subarray(from))).toBe(true);
        expect(next).toBe(Math.max(from, output.length));
      }),
    );
  });
});
