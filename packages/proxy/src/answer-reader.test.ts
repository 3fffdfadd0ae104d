import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerReader } from './answer-reader.ts';

interface Read {
  readonly statuses: number[];
  readonly interims: number[];
  headers: readonly string[];
  body: string;
  trailers: readonly string[] | undefined;
  keepMs: number;
  surplus: number;
}

function read(pieces: readonly string[], method = 'GET'): Read {
  const seen: Read = {
    statuses: [],
    interims: [],
    headers: [],
    body: '',
    trailers: undefined,
    keepMs: 0,
    surplus: 0,
  };
  const reader = new AnswerReader();
  reader.begin(method, {
    interim: ({ status }) => void seen.interims.push(status),
    head(head) {
      seen.statuses.push(head.status);
      seen.headers = head.rawHeaders;
      seen.keepMs = head.keepMs;
    },
    body: (bytes) => void (seen.body += bytes.toString('latin1')),
    end: (trailers) => void (seen.trailers = trailers),
  });
  for (const piece of pieces) seen.surplus += reader.push(Buffer.from(piece, 'latin1'));
  if (seen.trailers === undefined) reader.finish();
  return seen;
}

/** The bytes of a message with `\n` for each line end. */
const wire = (text: string): string => text.replaceAll('\n', '\r\n');

const bytesOf = (text: string): string[] => text.match(/[^]/g) ?? [];

const WHOLE = [
  ['a length', wire('HTTP/1.1 200 OK\nContent-Length: 5\nX: é\n\nhello')],
  ['chunks', wire('HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n3;x=y\nabc\n0\n\n')],
  [
    'chunks and trailers',
    wire('HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\n\na\n0123456789\n0\nT: 1\nU: 2\n\n'),
  ],
  ['the end of the connection', wire('HTTP/1.0 200 OK\nX: 1\n\nany\nthing')],
  [
    'interim answers',
    wire('HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early\nLink: a\n\nHTTP/1.1 204 No\nA: b\n\n'),
  ],
] as const;

describe('an answer', () => {
  it.each(WHOLE)('with %s is the same wherever its bytes are cut', (_what, text) => {
    const whole = read([text]);
    expect(whole.trailers).toBeDefined();
    for (let at = 1; at < text.length; at += 1) {
      expect(read([text.slice(0, at), text.slice(at)])).toEqual(whole);
    }
    expect(read(bytesOf(text))).toEqual(whole);
  });

  it('is the same however its chunks and its bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 8 }),
        fc.nat(),
        (chunks, seed) => {
          const plain = chunks.map((chunk) => chunk.replace(/[^\x00-\xff]/g, '?'));
          const framed = plain.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
          const text = `${wire('HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n')}${framed}0\r\n\r\n`;
          const size = 1 + (seed % 17);
          expect(read(text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []).body).toBe(plain.join(''));
        },
      ),
    );
  });

  it.each([
    ['HEAD', wire('HTTP/1.1 200 OK\nContent-Length: 5\n\n')],
    ['HEAD', wire('HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n')],
    ['GET', wire('HTTP/1.1 304 Not\nContent-Length: 5\n\n')],
    ['GET', wire('HTTP/1.1 204 No\n\n')],
    ['GET', wire('HTTP/1.1 200 OK\nContent-Length: 0\n\n')],
    ['GET', wire('HTTP/1.1 200\nContent-Length: 0\n\n')],
  ])('to %s without a body ends with its head: %j', (method, text) => {
    expect(read([text], method)).toMatchObject({ body: '', trailers: [], surplus: 0 });
  });

  it('tells how long the connection is kept', () => {
    const keepMs = (header: string): number =>
      read([wire(`HTTP/1.1 200 OK\nContent-Length: 0\n${header}\n\n`)]).keepMs;
    expect(keepMs('X: 1')).toBe(Infinity);
    expect(keepMs('Connection: Keep-Alive, close')).toBe(0);
    expect(keepMs('Keep-Alive: timeout=5, max=100')).toBe(4000);
    expect(keepMs('Keep-Alive: timeout=1')).toBe(0);
    expect(read([wire('HTTP/1.0 200 OK\nContent-Length: 0\n\n')]).keepMs).toBe(0);
  });

  it('counts what comes behind its end', () => {
    expect(read([wire('HTTP/1.1 200 OK\nContent-Length: 1\n\nxHTTP/1.1')]).surplus).toBe(8);
  });
});

describe('no answer', () => {
  it.each([
    'SSH-2.0-OpenSSH\n\n',
    'HTTP/2 200 OK\n\n',
    'HTTP/1.1 20 OK\n\n',
    'HTTP/1.1 2000 OK\n\n',
    'HTTP/1.1 999 Odd\n\n',
    'HTTP/1.1 099 Odd\n\n',
    'HTTP/1.1 101 Switching Protocols\nUpgrade: x\n\n',
    'HTTP/1.1 200 OK\nContent-Length: +5\n\n',
    'HTTP/1.1 200 OK\nContent-Length: 5, 5\n\n',
    'HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\n\n',
    'HTTP/1.1 200 OK\nContent-Length: -1\n\n',
    'HTTP/1.1 200 OK\nContent-Length:\n\n',
    'HTTP/1.1 200 OK\nContent-Length: 99999999999999999\n\n',
    'HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding: xchunked\n\n',
    'HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n',
    'HTTP/1.1 200 OK\nBad Name: x\n\n',
    'HTTP/1.1 200 OK\nName : x\n\n',
    'HTTP/1.1 200 OK\n folded\n\n',
    'HTTP/1.1 200 OK\nNo colon\n\n',
    'HTTP/1.1 200 OK\nX: a\u0000b\n\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nxyz\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n-1\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1;\u0001\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nab\n',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\nBad Trailer: 1\n\n',
  ])('is taken for one: %j', (text) => {
    expect(() => read([wire(text)])).toThrow();
    expect(() => read(bytesOf(wire(text)))).toThrow();
  });

  it('is a head with bare line feeds, or one without an end', () => {
    expect(() => read(['HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'])).toThrow();
    expect(() => read([`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(200_000)}`])).toThrow('too long');
    const interims = wire('HTTP/1.1 100 Continue\n\n').repeat(100);
    expect(() => read([interims])).toThrow();
  });

  it.each([
    wire('HTTP/1.1 200 OK\nContent-Length: 5\n\nhell'),
    wire('HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n'),
    wire('HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\n'),
    wire('HTTP/1.1 200 OK\n'),
    '',
  ])('is complete when it breaks off: %j', (text) => {
    expect(read([text]).trailers).toBeUndefined();
  });

  it('survives anything: it ends, waits or throws', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (pieces) => {
        try {
          read([
            'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
            ...pieces.map((p) => Buffer.from(p).toString('latin1')),
          ]);
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_ANSWER' });
        }
      }),
    );
  });
});
