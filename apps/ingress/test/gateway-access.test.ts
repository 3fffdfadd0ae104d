import { formatRouteLabel } from '@opensandbox/route-tokens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './support/raw-client.ts';
import { Service } from './support/service.ts';
import { KEYS, TestGateway } from './support/test-gateway.ts';

const TOKEN = 'a-token-of-32-characters-or-so---';
const LATER = 4_102_444_800n;

describe('a secured sandbox', () => {
  let service: Service;
  let gateway: TestGateway;
  let byPath: TestGateway;

  beforeAll(async () => {
    service = await Service.open();
    const sandboxes = { safe: { accessToken: ` ${TOKEN} ` }, open: {} };
    gateway = await TestGateway.open({ sandboxes });
    byPath = await TestGateway.open({ sandboxes, mode: 'uri' });
  });

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await byPath[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });

  const label = (
    expires: bigint,
    options: { keyId?: string; form?: 'short' | 'long'; port?: number } = {},
  ) => {
    const { keyId = 'a', form = 'short', port = service.port } = options;
    const proof = KEYS.sign(keyId, { sandboxId: 'safe', port }, { expires, form });
    return formatRouteLabel({ sandboxId: 'safe', port: service.port }, proof);
  };
  const through = (route: string, ...headers: readonly string[]) =>
    ask(gateway.port, 'GET /app HTTP/1.1', 'Host: gw', `OpenSandbox-Ingress-To: ${route}`, ...headers);

  it('asks for a credential', async () => {
    expect(await through(`safe-${service.port}`)).toMatchObject({
      status: 401,
      body: 'OpenSandbox Ingress: signature: signature required for this sandbox\n',
    });
  });

  it('takes its token and keeps it from the service', async () => {
    expect((await through(`safe-${service.port}`, `OpenSandbox-Secure-Access: ${TOKEN}`)).status).toBe(200);
    expect(service.values('opensandbox-secure-access')).toEqual([]);
  });

  it.each([`OpenSandbox-Secure-Access: wrong`, 'OpenSandbox-Secure-Access:'])(
    'refuses %j, even next to a good signature',
    async (header) => {
      expect(await through(label(LATER), header)).toMatchObject({
        status: 401,
        body: 'OpenSandbox Ingress: signature: secure access header mismatch\n',
      });
    },
  );

  it('looks at the first of two tokens', async () => {
    const both = [`OpenSandbox-Secure-Access: ${TOKEN}`, 'OpenSandbox-Secure-Access: wrong'];
    expect((await through(label(1n), ...both)).status).toBe(200);
    expect((await through(label(LATER), ...both.toReversed())).status).toBe(401);
  });

  it.each(['short', 'long'] as const)('takes a %s signature of any key', async (form) => {
    for (const keyId of ['a', 'b']) expect((await through(label(LATER, { form, keyId }))).status).toBe(200);
    const host = `Host: ${label(LATER)}.sandboxes.example.com`;
    expect((await ask(gateway.port, 'GET / HTTP/1.1', host)).status).toBe(200);
  });

  it.each<[string, (good: string) => string, string]>([
    ['another port', () => label(LATER, { port: 1 }), 'signature: unauthorized: signature mismatch'],
    ['a time that has passed', () => label(1_000_000_000n), 'signature: access expired'],
    ['an unknown key', (good) => `${good.slice(0, -1)}z`, 'signature: unauthorized: unknown signed_key_id'],
    ['another key', (good) => `${good.slice(0, -1)}b`, 'signature: unauthorized: signature mismatch'],
  ])('refuses a signature for %s', async (_what, change, text) => {
    expect(await through(change(label(LATER)))).toMatchObject({
      status: 401,
      body: `OpenSandbox Ingress: ${text}\n`,
    });
  });

  it('cannot be reached by a signature through a gateway without keys', async () => {
    await using keyless = await TestGateway.open({
      sandboxes: { safe: { accessToken: TOKEN } },
      keys: undefined,
    });
    const headers = ['Host: gw', `OpenSandbox-Ingress-To: ${label(LATER)}`];
    expect(await ask(keyless.port, 'GET / HTTP/1.1', ...headers)).toMatchObject({
      status: 503,
      body: 'OpenSandbox Ingress: signature: ingress verifier not configured\n',
    });
  });

  it('is reached by a signed path, whose proof goes no further', async () => {
    const proof = KEYS.sign('a', { sandboxId: 'safe', port: service.port }, { expires: LATER });
    const path = `/safe/${service.port}/${proof.expiry}/${proof.signature}`;
    const answer = await ask(byPath.port, `GET ${path}/app?x HTTP/1.1`, 'Host: gw');
    expect(answer.status).toBe(200);
    expect(answer.head).toMatch(/^referrer-policy: no-referrer$/im);
    expect(service.seen.at(-1)?.target).toBe('/app?x');
    expect(JSON.stringify([byPath.log.lines, byPath.visits])).not.toContain(proof.signature);

    const header = `OpenSandbox-Secure-Access: ${TOKEN}`;
    expect((await ask(byPath.port, `GET ${path}/app HTTP/1.1`, 'Host: gw', header)).status).toBe(200);
    expect(service.seen.at(-1)?.target).toBe('/app');
  });

  it('keeps the referrer policy of a service that has one, and asks for none elsewhere', async () => {
    service.answer = (_request, response) => response.setHeader('Referrer-Policy', 'origin').end();
    const proof = KEYS.sign('a', { sandboxId: 'safe', port: service.port }, { expires: LATER });
    const path = `/safe/${service.port}/${proof.expiry}/${proof.signature}/`;
    const answer = await ask(byPath.port, `GET ${path} HTTP/1.1`, 'Host: gw');
    service.answer = (_request, response) => response.end('ok');
    expect(answer.head.match(/referrer-policy: .*/gi)).toEqual(['Referrer-Policy: origin']);
    expect((await through(label(LATER))).head).not.toMatch(/referrer-policy/i);
  });

  it('is the only one that asks: an open one ignores tokens and signatures', async () => {
    const open = (route: string, ...headers: readonly string[]) =>
      ask(gateway.port, 'GET / HTTP/1.1', 'Host: gw', `OpenSandbox-Ingress-To: ${route}`, ...headers);
    expect((await open(`open-${service.port}`, 'OpenSandbox-Secure-Access: any')).status).toBe(200);
    expect((await open(`open-${service.port}-x2qxvk-00000000z`)).status).toBe(200);
  });
});

describe('a gateway that asks at every sandbox', () => {
  it('lets signed requests pass to sandboxes without a token, and no others', async () => {
    await using service = await Service.open();
    await using gateway = await TestGateway.open({ sandboxes: { open: {} }, rule: 'all' });
    const claim = { sandboxId: 'open', port: service.port };
    const route = formatRouteLabel(claim, KEYS.sign('a', claim, { expires: LATER }));
    const through = (name: string, ...headers: readonly string[]) =>
      ask(gateway.port, 'GET / HTTP/1.1', `Host: ${name}.x`, ...headers);
    expect((await through(`open-${service.port}`)).status).toBe(401);
    expect((await through(`open-${service.port}`, 'OpenSandbox-Secure-Access: x')).status).toBe(401);
    expect((await through(route)).status).toBe(200);
  });
});

describe('somebody who guesses signatures', () => {
  it('is stopped, without locking out the token or a link that was used before', async () => {
    await using service = await Service.open();
    const sandboxes = { safe: { accessToken: TOKEN }, other: { accessToken: TOKEN } };
    await using gateway = await TestGateway.open({ sandboxes, guesses: 5 });
    const through = (sandboxId: string, proof: { expiry: string; signature: string }, ...headers: string[]) =>
      ask(
        gateway.port,
        'GET / HTTP/1.1',
        `Host: ${formatRouteLabel({ sandboxId, port: service.port }, proof)}.x`,
        ...headers,
      );
    const sign = (sandboxId: string, expires: bigint, form: 'short' | 'long' = 'short') =>
      KEYS.sign('a', { sandboxId, port: service.port }, { expires, form });
    const used = sign('safe', LATER);
    expect((await through('safe', used)).status).toBe(200);
    for (let guess = 0; guess < 5; guess += 1) {
      expect((await through('safe', { expiry: 'zzzzzz', signature: `0000000${guess}a` })).status).toBe(401);
    }
    const stopped = await through('safe', { expiry: 'zzzzzz', signature: '00000009a' });
    expect(stopped.status).toBe(429);
    expect(stopped.head).toMatch(/^retry-after: \d+$/im);
    // A right guess looks the same.
    expect((await through('safe', sign('safe', LATER + 1n))).status).toBe(429);

    expect((await through('safe', used)).status).toBe(200);
    expect((await through('safe', sign('safe', LATER, 'long'))).status).toBe(200);
    expect((await through('safe', used, `OpenSandbox-Secure-Access: ${TOKEN}`)).status).toBe(200);
    expect((await through('other', sign('other', LATER))).status).toBe(200);
  });
});
