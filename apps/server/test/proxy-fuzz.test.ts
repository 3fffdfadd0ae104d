import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ProxyWorld, openProxyWorld } from './support/proxy-world.ts';
import { OK } from './support/raw-backend.ts';
import { requestsIn } from './support/raw-requests.ts';

const SEED = Number(process.env['PROXY_FUZZ_SEED'] ?? 8080);
const RUNS = Number(process.env['PROXY_FUZZ_RUNS'] ?? 100);
const WITHIN_MS = 60_000 + RUNS * 100;

let world: ProxyWorld;

beforeAll(async () => {
  world = await openProxyWorld();
});
beforeEach(() => {
  world.backend.script = ({ socket }) => socket.end(OK);
});
afterAll(() => world[Symbol.asyncDispose]());

const textOf = (characters: string, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...characters.split(/(?:)/)), maxLength });

const UNRESERVED = 'abzAZ09-_~';
const escape = fc.integer({ min: 0x20, max: 0xff }).map((byte) => `%${byte.toString(16)}`);
const segment = fc
  .array(fc.oneof(textOf(`${UNRESERVED}!$&'()*+,;=:@`, 6), escape), { maxLength: 4 })
  .map((parts) => parts.join(''))
  // What is a dot once it is decoded is another matter.
  .filter((text) => !/\.|%(2e|5c|7f)/i.test(text));
const path = fc
  .array(segment, { maxLength: 5 })
  .map((segments) => segments.map((text) => `/${text}`).join(''));
const query = fc.option(textOf(`${UNRESERVED}!$&'()*+,;=:@/?%.[]|"^{}\``, 20), { nil: undefined });

const OWNED =
  /^(host|connection|x-forwarded-.*|x-request-id|keep-alive|te|trailers?|upgrade|expect|cookie)$/i;
const name = textOf("abXY-_.!#$'*+^|~09", 10).filter((text) => text !== '' && !OWNED.test(text));
const value = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom('a', 'b', ' ', '1', ';', '=', '"', ','),
      fc.integer({ min: 0x80, max: 0xff }).map((code) => String.fromCharCode(code)),
    ),
    maxLength: 20,
  })
  .map((text) => text.trim());
const headers = fc.array(fc.tuple(name, value), { maxLength: 8 });

describe('the proxy', () => {
  it(
    'gives the service the bytes that the client sent, whatever they are',
    async () => {
      const body = fc.option(fc.uint8Array({ maxLength: 2000 }), { nil: undefined });
      await fc.assert(
        fc.asyncProperty(path, query, headers, body, async (path, query, headers, body) => {
          world.backend.connections.length = 0;
          const asked = `${path}${query === undefined ? '' : `?${query}`}`;
          const framing = body === undefined ? [] : [`Content-Length: ${body.length}`];
          using client = await world.connect();
          const lines = headers.map(([name, value]) => `F-${name}: ${value}`);
          client.send(`PUT ${world.target(asked)} HTTP/1.1`, 'Host: h', ...lines, ...framing);
          if (body !== undefined) client.socket.write(body);
          await client.received(/^HTTP\/1\.1 200 [^]*ok/);
          const [seen, ...more] = requestsIn(world.backend.connections[0]?.text ?? '');
          expect(more).toEqual([]);
          const target = path === '' ? asked.replace(/^/, '/') : asked;
          expect(seen?.line).toBe(`PUT ${target.replace(/^\/+/, '/')} HTTP/1.1`);
          expect(seen?.headers.filter((line) => line.startsWith('F-'))).toEqual(lines.map(trimmed));
          expect(seen?.body).toBe(Buffer.from(body ?? []).toString('latin1'));
        }),
        { seed: SEED, numRuns: RUNS },
      );
    },
    WITHIN_MS,
  );

  it(
    'survives garbage in place of a request, and passes none of it on',
    async () => {
      const head = `GET ${world.target('/')} HTTP/1.1\r\nHost: x\r\n`;
      const garbage = fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
        fc
          .uint8Array({ minLength: 1, maxLength: 100 })
          .map((bytes) => Buffer.concat([Buffer.from(head), bytes])),
        // A sound request with a few bytes changed.
        fc
          .array(fc.tuple(fc.nat(head.length + 40), fc.integer({ min: 0, max: 255 })), {
            minLength: 1,
            maxLength: 4,
          })
          .map((changes) => {
            const bytes = Buffer.from(`${head}Content-Length: 3\r\nX-A: b\r\n\r\nabc`);
            for (const [at, byte] of changes) bytes[Math.min(at, bytes.length - 1)] = byte;
            return bytes;
          }),
      );
      await fc.assert(
        fc.asyncProperty(garbage, async (bytes) => {
          world.backend.connections.length = 0;
          await sendAndLeave(bytes);
          expect(await world.ask(`GET ${world.target('/after')} HTTP/1.1`)).toMatch(/^HTTP\/1\.1 200 /);
          for (const { text } of world.backend.connections) expect(startsSoundly(text)).toBe(true);
        }),
        { seed: SEED, numRuns: RUNS },
      );
    },
    WITHIN_MS,
  );
});

/** Values lose the space around them on their way, as they may. */
function trimmed(line: string): string {
  return line.trimEnd().replace(/:$/, ': ');
}

/** Sends, ends, and waits until the server has ended as well. */
function sendAndLeave(bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: world.port });
    socket.on('error', () => undefined).once('close', () => resolve());
    socket.resume().end(bytes);
  });
}

/** Whole requests, or one that broke off because its sender did. */
function startsSoundly(text: string): boolean {
  try {
    requestsIn(text);
    return true;
  } catch (error) {
    return /^(half a head|a broken length|a broken chunk)/.test((error as Error).message);
  }
}
