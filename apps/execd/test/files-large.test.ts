import { open, stat, unlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pathQuery, startFilesAgent } from './files-agent.ts';
import type { FilesAgent } from './files-agent.ts';

const MEBIBYTE = 1024 * 1024;
const SIZE = 512 * MEBIBYTE;
/** How much the process may grow while a file of any size passes through it. */
const GROWTH_KIB = 32 * 1024;

let agent: FilesAgent;
beforeAll(async () => {
  agent = await startFilesAgent();
  const file = await open(agent.path('big'), 'w');
  await file.truncate(SIZE);
  await file.close();
  // The first request of each kind loads code; that is not what a large file costs.
  await upload('warm', 100_000);
  await (await download('&offset=1&limit=1', 'warm')).arrayBuffer();
  await (await download('', 'warm')).arrayBuffer();
});
afterAll(() => agent.stop());

const download = (query: string, name = 'big'): Promise<Response> =>
  fetch(`${agent.url}/files/download${pathQuery(name)}${query}`);

async function upload(name: string, size: number): Promise<Response> {
  async function* body(): AsyncGenerator<Uint8Array> {
    const part = (field: string): string =>
      `--B\r\nContent-Disposition: form-data; name="${field}"; filename="f"\r\n\r\n`;
    yield Buffer.from(`${part('metadata')}${JSON.stringify({ path: name })}\r\n${part('file')}`);
    const block = Buffer.alloc(Math.min(size, MEBIBYTE), 10);
    for (let sent = 0; sent < size; sent += block.length) yield block;
    yield Buffer.from('\r\n--B--\r\n');
  }
  return fetch(`${agent.url}/files/upload`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=B' },
    body: ReadableStream.from(body()),
    duplex: 'half',
  });
}

async function growthDuring(work: () => Promise<void>): Promise<number> {
  const before = await agent.residentKiB();
  await agent.resetPeak();
  await work();
  return (await agent.peakKiB()) - before;
}

async function drained(response: Response): Promise<number> {
  let total = 0;
  for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) total += piece.length;
  return total;
}

describe('a large file', () => {
  it('is uploaded without being held in memory', async () => {
    const growth = await growthDuring(async () => {
      expect((await upload('received', SIZE)).status).toBe(200);
    });
    expect((await stat(agent.path('received'))).size).toBe(SIZE);
    expect(growth).toBeLessThan(GROWTH_KIB);
    await unlink(agent.path('received'));
  });

  it('is downloaded without being held in memory', async () => {
    const growth = await growthDuring(async () => {
      const response = await download('');
      expect(response.headers.get('content-length')).toBe(String(SIZE));
      expect(await drained(response)).toBe(SIZE);
    });
    expect(growth).toBeLessThan(GROWTH_KIB);
  });

  it('is downloaded by lines without being held in memory', async () => {
    const growth = await growthDuring(async () => {
      expect(await drained(await download('&offset=1'))).toBe(SIZE);
    });
    expect(growth).toBeLessThan(GROWTH_KIB);
  });

  it('is read no further than a slow client takes it', async () => {
    const growth = await growthDuring(async () => {
      for (const query of ['', '&offset=1']) {
        const reader = (await download(query)).body?.getReader();
        await reader?.read();
        // A server that read on regardless would have the whole file in memory long before these are answered.
        for (let turn = 0; turn < 300; turn += 1) await agent.call('GET', '/files/info');
        await reader?.cancel();
      }
    });
    expect(growth).toBeLessThan(GROWTH_KIB);
  });

  it('has its contents replaced without being held in memory', async () => {
    const growth = await growthDuring(async () => {
      const body = { big: { old: 'needle', new: 'x' } };
      const response = await agent.call('POST', '/files/replace?verbose=true', body);
      expect(await response.json()).toEqual({ big: { replacedCount: 0 } });
    });
    expect((await stat(agent.path('big'))).size).toBe(SIZE);
    expect(growth).toBeLessThan(GROWTH_KIB);
  });
});
