import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, whyNoContainers } from './support/sandbox-container.ts';
import type { SandboxContainer } from './support/sandbox-container.ts';

/** The same requests each time; a longer run asks for more of them, and for others. */
const SEED = Number(process.env['EXECD_FUZZ_SEED'] ?? 44_772);
const RUNS = Number(process.env['EXECD_FUZZ_RUNS'] ?? 1000);
const LONGEST_ANSWER_MS = 20_000;

const absent = await whyNoContainers();
/** Whatever is asked for happens: in a container that nobody needs. */
let sandbox: SandboxContainer;
let url: string;

const ROUTES = [
  'GET /ping',
  'GET /files/info',
  'DELETE /files',
  'POST /files/mv',
  'POST /files/permissions',
  'GET /files/search',
  'POST /files/replace',
  'POST /files/upload',
  'GET /files/download',
  'GET /directories/list',
  'POST /directories',
  'DELETE /directories',
  'POST /code',
  'DELETE /code',
  'POST /code/context',
  'GET /code/contexts',
  'DELETE /code/contexts',
  'GET /code/contexts/{}',
  'DELETE /code/contexts/{}',
  'POST /session',
  'POST /session/{}/run',
  'DELETE /session/{}',
  'POST /command',
  'DELETE /command',
  'GET /command/status/{}',
  'GET /command/{}/logs',
  'GET /metrics/{}',
  'POST /pty',
  'GET /pty/{}',
  'DELETE /pty/{}',
  'GET /pty/{}/ws',
  'GET /v1/isolated/capabilities',
  'POST /v1/isolated/session',
  'GET /v1/isolated/sessions',
  'GET /v1/isolated/session/{}',
  'DELETE /v1/isolated/session/{}',
  'POST /v1/isolated/session/{}/run',
  'GET /v1/isolated/session/{}/diff',
  'POST /v1/isolated/session/{}/commit',
  'GET /v1/isolated/session/{}/files/info',
  'GET /proxy/44772/{}',
  'GET /proxy/{}/{}',
] as const;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'];
const WORK = '/tmp/work';

const odd = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({
    unit: fc.constantFrom('$', '{', '}', '~', '*', '[', '!', '%', '\0', '\n', '/', '.', 'a', '\u{1F600}'),
  }),
  fc.constantFrom('', '.', '..', '0', '-1', 'a'.repeat(300), 'x/'.repeat(2500), '%2e%2e', '\uD800', '\u2028'),
);
const number = fc.constantFrom(0, -1, 1, 0.5, 1e9, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308);
const scalar = fc.oneof(odd, number, fc.boolean(), fc.constant(null));
const command = fc.oneof(
  fc.constantFrom(
    'true',
    'exit 3',
    'echo a; echo b >&2',
    'printf "\\377\\0"',
    'kill -9 $$',
    'cat /nonexistent',
  ),
  odd,
);

/** The fields of all requests, each at times with a value that is none of its kind. */
const fields = fc.record(
  {
    command: fc.oneof(command, scalar),
    code: fc.oneof(command, scalar),
    cwd: fc.oneof(fc.constantFrom('/', '/tmp', '/nowhere', '$HOME', '~'), scalar),
    timeout: fc.oneof(fc.constantFrom(500, 1000), scalar),
    background: scalar,
    uid: fc.oneof(fc.constantFrom(0, 65_534), scalar),
    gid: scalar,
    envs: fc.oneof(fc.dictionary(odd, odd, { maxKeys: 2 }), scalar),
    language: fc.oneof(fc.constantFrom('python', 'sql', 'command', 'bash'), scalar),
    context: fc.oneof(fc.record({ id: scalar, language: fc.constantFrom('python', 'command', '') }), scalar),
    src: odd,
    dest: odd,
    path: odd,
    mode: scalar,
    old: scalar,
    new: scalar,
    profile: scalar,
    workspace: fc.oneof(fc.record({ path: scalar, mode: scalar }), scalar),
  },
  { requiredKeys: [] },
);
const inWork = (name: string): string => `${WORK}/${name.replaceAll('..', '.')}`;
const body = fc.oneof(
  fields,
  fc.array(fields, { maxLength: 2 }),
  fc.dictionary(odd.map(inWork), fields, { maxKeys: 2 }),
  fc.jsonValue({ maxDepth: 3 }),
);
const rawBody = fc.oneof(
  { weight: 6, arbitrary: body.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 50 }) },
  { weight: 1, arbitrary: fc.constantFrom('', '{', '[[[[', '"', '{"command":', '\uFEFF{}', 'null null') },
);
const query = fc.dictionary(
  fc.constantFrom(
    'path',
    'pattern',
    'depth',
    'offset',
    'limit',
    'id',
    'language',
    'cursor',
    'since',
    'verbose',
  ),
  odd,
  { maxKeys: 4 },
);
const headers = fc.dictionary(
  fc.constantFrom(
    'range',
    'if-range',
    'if-none-match',
    'content-type',
    'accept',
    'x-execd-access-token',
    'origin',
  ),
  fc.string({ maxLength: 30 }).map((text) => text.replace(/[^\x20-\x7e]/g, '')),
  { maxKeys: 3 },
);

const encodeSound = (text: string): string => encodeURIComponent(text.toWellFormed());

/** A success, or an error that says what it is. Paths that lead nowhere and the proxy answer in plain text. */
async function expectSoundAnswer(response: Response): Promise<void> {
  const text = await response.text();
  if (response.status < 400) return;
  const type = response.headers.get('content-type') ?? '';
  expect(text, `an empty ${response.status}`).not.toBe('');
  if (type.startsWith('text/plain')) {
    expect([400, 404, 502]).toContain(response.status);
    return;
  }
  const { code, message } = JSON.parse(text) as Record<string, unknown>;
  expect([typeof code, typeof message]).toEqual(['string', 'string']);
  expect(message).not.toBe('An unexpected error occurred.');
}

describe.skipIf(absent !== undefined)(
  `the agent${absent === undefined ? '' : ` (skipped: ${absent})`}`,
  () => {
    beforeAll(async () => {
      sandbox = await startSandbox({ image: 'opensandbox-demo:latest', command: ['sleep', 'infinity'] });
      url = await sandbox.url();
      await sandbox.exec('mkdir', '-p', WORK);
    }, 120_000);
    afterAll(() => sandbox[Symbol.asyncDispose]());

    async function ask(method: string, target: string, init: RequestInit): Promise<void> {
      const signal = AbortSignal.timeout(LONGEST_ANSWER_MS);
      const takesBody = method !== 'GET' && method !== 'HEAD';
      const { body: content, ...rest } = init;
      const response = await fetch(url + target, {
        ...rest,
        method,
        signal,
        redirect: 'manual',
        ...(takesBody ? { body: content ?? null } : {}),
      });
      if (response.headers.get('content-type')?.startsWith('text/event-stream') === true) {
        const text = await response.text();
        for (const line of text.split('\n\n')) if (line !== '') JSON.parse(line);
        return;
      }
      await expectSoundAnswer(response);
    }

    async function expectAlive(): Promise<void> {
      expect((await fetch(`${url}/ping`)).status).toBe(200);
      const log = await sandbox.logs();
      expect(log.split('"agent.listening"')).toHaveLength(2); // started once, and never again
      expect(log).not.toMatch(/request\.crashed|files\.unexpected|stream_failed|panic|Segmentation/i);
    }

    it('answers soundly whatever is asked of any route', async () => {
      const request = fc.record({ route: fc.constantFrom(...ROUTES), id: odd, query, rawBody, headers });
      await fc.assert(
        fc.asyncProperty(request, async (given) => {
          const [method = '', template = ''] = given.route.split(' ');
          const path = template.replaceAll('{}', () => encodeSound(given.id));
          const parameters = Object.entries(given.query).map(([name, value]) => {
            return `${name}=${encodeSound(name === 'path' ? inWork(value) : value)}`;
          });
          const target = parameters.length === 0 ? path : `${path}?${parameters.join('&')}`;
          await ask(method, target, { headers: given.headers, body: given.rawBody });
        }),
        { numRuns: RUNS, seed: SEED, interruptAfterTimeLimit: 240_000 },
      );
      await expectAlive();
    }, 300_000);

    it('answers soundly whatever the method and the path', async () => {
      const path = fc.array(
        fc.oneof(odd.map(encodeSound), fc.constantFrom('files', 'proxy', '44772', '', '.', '%')),
        {
          maxLength: 5,
        },
      );
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...METHODS), path, async (method, parts) => {
          const response = await fetch(`${url}/${parts.join('/')}`, { method, redirect: 'manual' });
          if (method === 'HEAD') await response.text();
          else await expectSoundAnswer(response);
        }),
        { numRuns: RUNS, seed: SEED },
      );
      await expectAlive();
    }, 120_000);

    it('refuses JSON beyond its limit and reads what is below', async () => {
      const sized = (mebibytes: number): string =>
        JSON.stringify({ '/never/made': { old: 'x'.repeat(mebibytes * 2 ** 20) } });
      const response = await fetch(`${url}/files/replace`, { method: 'POST', body: sized(40) });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'INVALID_REQUEST_BODY' });
      expect((await fetch(`${url}/files/replace`, { method: 'POST', body: sized(16) })).status).toBe(404);
      const deep = await fetch(`${url}/files/mv`, { method: 'POST', body: '['.repeat(5_000_000) });
      expect(deep.status).toBe(400);
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(Buffer.alloc(2 ** 20, ' ')),
      });
      const asked = fetch(`${url}/command`, { method: 'POST', body: endless, duplex: 'half' });
      expect(
        await asked.then(
          ({ status }) => status,
          () => 'cut off',
        ),
      ).toBeOneOf([400, 'cut off']);
      await expectAlive();
    }, 60_000);

    it('outlives what is no proper HTTP', async () => {
      const { hostname } = new URL(url);
      const heads = [
        'GET / HTTP/1.1\r\n\r\n',
        'GET /ping HTTP/9.9\r\nHost: x\r\n\r\n',
        'BREW /ping HTTP/1.1\r\nHost: x\r\n\r\n',
        'GET http://[::1/ping HTTP/1.1\r\nHost: x\r\n\r\n',
        'GET http://other:1/ping HTTP/1.1\r\nHost: y\r\n\r\n',
        'GET /ping?%zz%00%ff HTTP/1.1\r\nHost: \r\n\r\n',
        'GET //ping HTTP/1.1\r\nHost: [bad\r\n\r\n',
        'GET /proxy/99999/ HTTP/1.1\r\nHost: x\r\n\r\n',
        'GET /proxy/44772/proxy/44772/proxy/44772/ping HTTP/1.1\r\nHost: x\r\n\r\n',
        'POST /command HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        'POST /command HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        'POST /command HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
        'POST /command HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}',
        `GET /ping HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(2 ** 21)}\r\n\r\n`,
        `GET /${'a'.repeat(2 ** 21)} HTTP/1.1\r\nHost: x\r\n\r\n`,
        'GET /pty/none/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ?\r\n\r\n',
        '\0\x01\x02\xff\r\n\r\n',
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      ];
      for (const head of heads) await exchange(hostname, head);
      await expectAlive();
    }, 60_000);
  },
);

const QUIET_MS = 1000;

/** Sends bytes and waits for any answer, for the end of the connection, or for nothing to come. */
async function exchange(host: string, bytes: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(44_772, host, () => socket.write(bytes, 'latin1'));
    const end = (): void => {
      socket.destroy();
      resolve();
    };
    socket.setTimeout(QUIET_MS, end);
    socket.once('data', end).once('close', end).once('error', end);
  });
}
