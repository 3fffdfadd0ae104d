import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdingsOf } from './support/churn.ts';
import { openRawStream } from './support/raw-stream.ts';
import { DIRECT, type ServiceSandbox, THROUGH_AGENT, openServiceSandbox } from './support/service-sandbox.ts';
import { pattern, patternSum } from './support/services/pattern.ts';
import { standsStill, until } from './support/wait.ts';

const MIB = 1024 * 1024;
const BULK_BYTES = 300 * MIB;
/** What kernels, the engine's proxy and the agent may hold of a stream that nobody reads. */
const IN_FLIGHT_BYTES = 96 * MIB;
const MEMORY_SLACK_MIB = 96;
const CHUNKED_BYTES = 64 * MIB;

let services: ServiceSandbox;

beforeAll(async () => {
  services = await openServiceSandbox();
  for (const port of [DIRECT, THROUGH_AGENT]) await services.start(port);
});

afterAll(async () => {
  await services[Symbol.asyncDispose]();
});

describe.each([DIRECT, THROUGH_AGENT])('bulk $way', (port) => {
  it('comes down byte for byte, without being held', async () => {
    const before = holdingsOf(services.server.pid());
    const answer = await fetch(services.url(port, `/blob?bytes=${BULK_BYTES}`));
    expect(answer.headers.get('content-length')).toBe(String(BULK_BYTES));
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const piece of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
      hash.update(piece);
      bytes += piece.length;
    }
    expect(bytes).toBe(BULK_BYTES);
    expect(hash.digest('hex')).toBe(patternSum(BULK_BYTES));
    expect(holdingsOf(services.server.pid()).memoryMiB - before.memoryMiB).toBeLessThan(MEMORY_SLACK_MIB);
  });

  it.each([
    ['with a length', BULK_BYTES, { 'Content-Length': String(BULK_BYTES) }],
    ['in chunks', CHUNKED_BYTES, { 'Transfer-Encoding': 'chunked' }],
  ])('goes up %s, byte for byte, without being held', async (_how, bytes, headers) => {
    const before = holdingsOf(services.server.pid());
    const request = httpRequest(services.url(port, '/sum'), { method: 'POST', headers, agent: false });
    const answered = answerOf(request);
    Readable.from(pattern(0, bytes)).pipe(request);
    expect(JSON.parse(await answered)).toEqual({ bytes, sha256: patternSum(bytes) });
    expect(holdingsOf(services.server.pid()).memoryMiB - before.memoryMiB).toBeLessThan(MEMORY_SLACK_MIB);
  });

  it('comes in ranges that fit together', async () => {
    const size = 5 * MIB;
    const hash = createHash('sha256');
    for (const [from, end] of [
      [0, 999_999],
      [1_000_000, 1_000_000],
      [1_000_001, size - 1],
    ] as const) {
      const answer = await fetch(services.url(port, `/blob?bytes=${size}`), {
        headers: { Range: `bytes=${from}-${end}` },
      });
      expect(answer.status).toBe(206);
      expect(answer.headers.get('content-range')).toBe(`bytes ${from}-${end}/${size}`);
      expect(answer.headers.get('content-length')).toBe(String(end - from + 1));
      hash.update(new Uint8Array(await answer.arrayBuffer()));
    }
    expect(hash.digest('hex')).toBe(patternSum(size));
  });

  it('waits for a client that does not read: the service stops sending, and the server holds nothing', async () => {
    const before = holdingsOf(services.server.pid());
    const { open: others } = await services.state(port);
    const stream = await openRawStream(services.url(port, '/flood'));
    await stream.see('HTTP/1.1 200 ');
    stream.pause();
    const flooded = await standsStill(60_000, async () => (await services.state(port)).flooded);
    expect(flooded).toBeLessThan(IN_FLIGHT_BYTES + stream.bytes());
    expect(holdingsOf(services.server.pid()).memoryMiB - before.memoryMiB).toBeLessThan(MEMORY_SLACK_MIB);
    stream.close();
    await until('the end of the flood in the service', 60_000, async () => {
      return (await services.state(port)).open === others;
    });
  });

  it('waits for a service that does not read: the client is held back, and the server holds nothing', async () => {
    const before = holdingsOf(services.server.pid());
    const request = httpRequest(services.url(port, '/unread'), {
      method: 'POST',
      headers: { 'Content-Length': String(BULK_BYTES) },
      agent: false,
    });
    request.on('error', () => undefined); // ended below, unanswered
    let sent = 0;
    const source = Readable.from(pattern(0, BULK_BYTES));
    source.on('data', (piece: Buffer) => (sent += piece.length));
    source.pipe(request);
    const stopped = await standsStill(60_000, async () => sent);
    expect(stopped).toBeLessThan(IN_FLIGHT_BYTES);
    expect(holdingsOf(services.server.pid()).memoryMiB - before.memoryMiB).toBeLessThan(MEMORY_SLACK_MIB);
    const rest = await fetch(services.url(port, '/read-on'));
    expect(await rest.json()).toEqual({ bytes: BULK_BYTES, sha256: patternSum(BULK_BYTES) });
    request.destroy();
  });

  it('takes the bytes of a slow uploader one by one', async () => {
    const request = httpRequest(services.url(port, '/sum'), {
      method: 'POST',
      headers: { 'Content-Length': '40' },
      agent: false,
    });
    const answered = answerOf(request);
    for (const byte of patternBytes(40)) {
      request.write(byte);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    request.end();
    expect(JSON.parse(await answered)).toEqual({ bytes: 40, sha256: patternSum(40) });
  });

  it('is answered although the service did not want to read it', async () => {
    const answer = await fetch(services.url(port, '/early'), { method: 'POST', body: 'x'.repeat(1000) });
    expect(answer.status).toBe(413);
    expect(await answer.text()).toBe('too much');
  });
});

function patternBytes(count: number): Buffer[] {
  const [piece = Buffer.alloc(0)] = pattern(0, count);
  return [...piece].map((byte) => Buffer.from([byte]));
}

async function answerOf(request: ReturnType<typeof httpRequest>): Promise<string> {
  return new Promise((resolve, reject) => {
    request.once('error', reject);
    request.once('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('error', reject);
      response.once('end', () => resolve(Buffer.concat(pieces).toString()));
    });
  });
}
