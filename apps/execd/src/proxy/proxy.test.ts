import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteReader } from './byte-reader.ts';
import { forwardedHeaders, returnedHeaders } from './forwarded-headers.ts';
import { readBody, responseFraming } from './message-body.ts';
import { formatRequestHead, parseResponseHead, readResponseHead } from './message-head.ts';
import {
  closePayload,
  decodeFrame,
  encodeClientFrame,
  frameBytes,
  parseClosePayload,
} from './web-socket-frame.ts';

function readerOf(...pieces: string[]): ByteReader {
  const waiting: Buffer[] = pieces.map((piece) => Buffer.from(piece, 'latin1'));
  return {
    read: () => Promise.resolve(waiting.shift()),
    unread(bytes) {
      if (bytes.length > 0) waiting.unshift(bytes);
    },
  };
}

async function bodyOf(reader: ByteReader, framing: ReturnType<typeof responseFraming>): Promise<string> {
  let text = '';
  for await (const piece of readBody(reader, framing)) text += piece.toString();
  return text;
}

describe('a response', () => {
  it('is read past the interim ones, and what follows its head is kept', async () => {
    const reader = readerOf(
      'HTTP/1.1 100 Con',
      'tinue\r\n\r\nHTTP/1.1 200 OK\r\nA: 1\r',
      '\nA: 2\r\n\r\nbody',
    );
    expect(await readResponseHead(reader)).toEqual({ status: 200, rawHeaders: ['A', '1', 'A', '2'] });
    expect((await reader.read())?.toString()).toBe('body');
  });

  it('must be HTTP', () => {
    expect(() => parseResponseHead('SSH-2.0-x')).toThrow('not HTTP');
  });

  it.each([
    ['GET', 200, ['Content-Length', '5'], { kind: 'length', bytes: 5 }],
    ['GET', 200, ['Content-Length', '0'], { kind: 'none' }],
    ['HEAD', 200, ['Content-Length', '5'], { kind: 'none' }],
    ['GET', 304, ['Content-Length', '5'], { kind: 'none' }],
    ['GET', 200, ['Transfer-Encoding', 'gzip, chunked', 'Content-Length', '5'], { kind: 'chunked' }],
    ['GET', 200, [], { kind: 'until_close' }],
  ])('to %s with status %i and %j ends as framed', (method, status, rawHeaders, framing) => {
    expect(responseFraming(method, { status, rawHeaders })).toEqual(framing);
  });

  it('in chunks is the same however they arrive', async () => {
    const wire = '3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n';
    for (let size = 1; size <= wire.length; size += 1) {
      const pieces = wire.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      expect(await bodyOf(readerOf(...pieces), { kind: 'chunked' })).toBe('abc0123456789');
    }
  });

  it('that breaks off is an error', async () => {
    await expect(bodyOf(readerOf('abc'), { kind: 'length', bytes: 5 })).rejects.toThrow('ended');
    await expect(bodyOf(readerOf('5\r\nab'), { kind: 'chunked' })).rejects.toThrow('ended');
    await expect(bodyOf(readerOf('zz\r\n'), { kind: 'chunked' })).rejects.toThrow('broken');
  });
});

describe('forwardedHeaders', () => {
  const names = (raw: readonly string[]): string[] => raw.filter((_, index) => index % 2 === 0);

  it('leaves out what is for this hop, and the token', () => {
    const headers = new Headers({
      Connection: 'X-Hop, keep-alive',
      'X-Hop': '1',
      'X-EXECD-ACCESS-TOKEN': 's',
      'X-Forwarded-Host': 'h',
      Accept: 'a',
    });
    expect(names(forwardedHeaders([...headers].flat(), undefined, false))).toEqual([
      'accept',
      'X-Forwarded-Proto',
    ]);
  });

  it.each([
    [{ 'X-Forwarded-For': '1.1.1.1, 2.2.2.2' }, '1.1.1.1, 9.9.9.9'],
    [{ 'X-Real-IP': '3.3.3.3' }, '3.3.3.3, 9.9.9.9'],
    [{}, '9.9.9.9, 9.9.9.9'],
  ])('tells for whom, given %j', (given, chain) => {
    const raw = forwardedHeaders([...new Headers(given)].flat(), '9.9.9.9', false);
    expect(raw[raw.indexOf('X-Forwarded-For') + 1]).toBe(chain);
  });

  it('leaves what a proxy that seals heads told of the way as it is', () => {
    const told = ['X-Forwarded-For', '1.1.1.1', 'X-Forwarded-Host', 'h', 'X-Forwarded-Proto', 'https'];
    const sent = [...told, 'OpenSandbox-Execd-Head', '-', 'X-EXECD-ACCESS-TOKEN', 's'];
    expect(forwardedHeaders(sent, '9.9.9.9', true)).toEqual(told);
  });

  it('writes them as a request', () => {
    const head = { method: 'GET', target: '/a?b', rawHeaders: ['Host', 'x'] };
    expect(formatRequestHead(head)).toBe('GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n');
  });
});

describe('returnedHeaders', () => {
  it('keeps repeated ones apart and skips what cannot be said', () => {
    const headers = returnedHeaders(
      ['Set-Cookie', 'a', 'Set-Cookie', 'b', 'Bad Name', 'x', 'Content-Length', '1'],
      false,
    );
    expect(headers.getSetCookie()).toEqual(['a', 'b']);
    expect(headers.has('content-length')).toBe(false);
  });
});

describe('a WebSocket frame', () => {
  it('is read back as it was written, whatever its size', () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom(new Uint8Array(65_535), new Uint8Array(65_536)),
    );
    fc.assert(
      fc.property(payload, fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes, key) => {
        const wire = encodeClientFrame(2, bytes, Buffer.from(key));
        expect(frameBytes(wire)).toBe(wire.length);
        expect(decodeFrame(wire.subarray(0, -1))).toBeUndefined();
        const decoded = decodeFrame(Buffer.concat([wire, Buffer.from('rest')]));
        expect(decoded?.frame).toEqual({ final: true, opcode: 2, payload: Buffer.from(bytes) });
        expect(decoded?.rest.toString()).toBe('rest');
      }),
      { numRuns: 30 },
    );
  }, 60_000);

  it('of a close carries code and reason', () => {
    expect(parseClosePayload(closePayload(4001, 'why'))).toEqual({ code: 4001, reason: 'why' });
    expect(parseClosePayload(closePayload(1005, ''))).toEqual({ code: 1005, reason: '' });
  });
});
