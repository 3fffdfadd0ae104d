import { Secret, systemClock } from '@opensandbox/base';
import { ACCESS_HEADER, ROUTE_HEADER, createKeyRing, parseKeyList } from '@opensandbox/route-tokens';
import { captureLog } from '@opensandbox/testkit';
import type { Cluster, LogCapture } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIngress } from '../src/compose.ts';
import type { RunningIngress } from '../src/compose.ts';
import { openKubernetesDirectory } from '../src/kubernetes/open-kubernetes-directory.ts';
import type { IngressOptions } from '../src/options.ts';
import {
  PATIENT,
  accessToken,
  agentSandboxes,
  ask,
  batchSandboxes,
  endpoints,
  makeNamespaces,
  openBackend,
  openSandboxCluster,
} from './support/kubernetes-world.ts';

const KEYS = 'a=bXktdGVzdC1zZWNyZXQ=';
const TOKEN = 'correct-horse-battery-staple';

let cluster: Cluster;
let kubeconfig: string;

beforeAll(async () => {
  cluster = await openSandboxCluster();
  kubeconfig = await cluster.kubeconfig('admin', { port: cluster.port });
  await makeNamespaces(cluster, 'one', 'two', 'agents');
}, 600_000);

afterAll(async () => cluster[Symbol.asyncDispose]());

interface Gateway extends AsyncDisposable {
  readonly ingress: RunningIngress;
  readonly log: LogCapture;
}

async function openTestGateway(wish: Partial<IngressOptions> = {}, provider = 'batchsandbox' as const) {
  return openGatewayOf(provider, wish);
}

async function openGatewayOf(
  workload: 'batchsandbox' | 'agent-sandbox',
  wish: Partial<IngressOptions> = {},
): Promise<Gateway> {
  const log = captureLog();
  const options: IngressOptions = {
    listen: { host: '127.0.0.1', port: 0 },
    admin: undefined,
    mode: 'header',
    source: { kind: 'kubernetes', workload, cluster: { from: 'files', paths: [kubeconfig] } },
    keys: { kind: 'list', list: new Secret(KEYS) },
    requireAccess: 'secured',
    renew: undefined,
    maxConnections: 0,
    drainMs: 1_000,
    log: { level: 'info', format: 'text' },
    ...wish,
  };
  const deps = {
    clock: systemClock(),
    log,
    random: Math.random,
    readFileLater: () => Promise.reject(new Error()),
  };
  const ingress = await openIngress(options, deps, new AbortController().signal);
  return { ingress, log, [Symbol.asyncDispose]: () => ingress.close() };
}

/** The signature of a route as the control plane makes it. */
function signed(sandboxId: string, port: number, lifeSeconds: number): string {
  const expires = BigInt(Math.floor(Date.now() / 1000) + lifeSeconds);
  const proof = createKeyRing(parseKeyList(KEYS)).sign('a', { sandboxId, port }, { expires });
  return `${proof.expiry}/${proof.signature}`;
}

const via = (label: string): Readonly<Record<string, string>> => ({ [ROUTE_HEADER]: label });

describe('the gateway of a cluster with BatchSandboxes', () => {
  it('routes to a sandbox as soon as its controller says that it is ready, and until it is deleted', async () => {
    await using backend = await openBackend('127.0.0.5', 'pod');
    await using gateway = await openTestGateway();
    const { port } = gateway.ingress;
    const place = { namespace: 'one', name: 'sbx-life' };
    const label = `sbx-life-${backend.port}`;
    const get = () => ask(port, '/a?b=1', via(label));
    const text = async (): Promise<string> => {
      const { status, body } = await get();
      return `${status} ${body.trim()}`;
    };

    expect(await text()).toBe('404 OpenSandbox Ingress: sandbox not found: sbx-life');
    const objects = batchSandboxes(cluster);
    await objects.create(place);
    await expect.poll(text, PATIENT).toMatch(/^503 OpenSandbox Ingress: sandbox not ready: sbx-life/);
    await objects.annotate(place, endpoints(''));
    await objects.status(place, { replicas: 1, ready: 0 });
    expect(await text()).toMatch(/^503 /);
    await objects.annotate(place, endpoints('127.0.0.5'));
    await objects.status(place, { ready: 1 });
    await expect.poll(text, PATIENT).toBe('200 pod GET /a?b=1');
    await objects.remove(place);
    await expect.poll(text, PATIENT).toMatch(/^404 /);
  });

  it('asks for the token or a signature where the sandbox is secured', async () => {
    await using backend = await openBackend('127.0.0.6', 'pod');
    await using gateway = await openTestGateway({ mode: 'uri' });
    const { port } = gateway.ingress;
    const place = { namespace: 'one', name: 'sbx-secured' };
    const objects = batchSandboxes(cluster);
    await objects.create(place, { ...endpoints('127.0.0.6'), ...accessToken(TOKEN) });
    await objects.status(place, { ready: 1 });
    const at = (proof: string): string => `/sbx-secured/${backend.port}${proof === '' ? '' : `/${proof}`}/x`;
    const status = async (path: string, headers = {}): Promise<number> =>
      (await ask(port, path, headers)).status;

    await expect.poll(() => status(at('')), PATIENT).toBe(401);
    expect(await ask(port, at(''), { [ACCESS_HEADER]: TOKEN })).toEqual({ status: 200, body: 'pod GET /x' });
    expect(await status(at(''), { [ACCESS_HEADER]: 'wrong' })).toBe(401);
    expect(await ask(port, at(signed('sbx-secured', backend.port, 3600)))).toEqual({
      status: 200,
      body: 'pod GET /x',
    });
    const expired = await ask(port, at(signed('sbx-secured', backend.port, -60)));
    expect(expired).toMatchObject({ status: 401, body: expect.stringContaining('access expired') as string });
    expect(await status(at(signed('sbx-other', backend.port, 3600)))).toBe(401);
  });

  it('refuses a name that two namespaces have, until one of them is gone', async () => {
    await using backend = await openBackend('127.0.0.7', 'pod');
    await using gateway = await openTestGateway();
    const objects = batchSandboxes(cluster);
    for (const namespace of ['one', 'two']) {
      await objects.create({ namespace, name: 'sbx-twice' }, endpoints('127.0.0.7'));
      await objects.status({ namespace, name: 'sbx-twice' }, { ready: 1 });
    }
    const get = () => ask(gateway.ingress.port, '/', via(`sbx-twice-${backend.port}`));
    await expect.poll(async () => (await get()).status, PATIENT).toBe(502);
    expect((await get()).body).toContain('ambiguous sandbox id "sbx-twice" found in multiple namespaces');
    await expect.poll(() => gateway.log.count('sandbox.name_ambiguous'), PATIENT).toBe(1);

    await objects.remove({ namespace: 'two', name: 'sbx-twice' });
    await expect.poll(async () => (await get()).body, PATIENT).toBe('pod GET /');
  });

  it('goes on routing while the API server is away', async () => {
    await using backend = await openBackend('127.0.0.8', 'pod');
    await using gateway = await openTestGateway();
    const objects = batchSandboxes(cluster);
    const places = ['sbx-stays', 'sbx-late'].map((name) => ({ namespace: 'one', name }));
    const [stays, late] = places;
    if (stays === undefined || late === undefined) throw new Error('two places');
    await objects.create(stays, endpoints('127.0.0.8'));
    await objects.status(stays, { ready: 1 });
    const get = async (name: string): Promise<string> =>
      (await ask(gateway.ingress.port, '/', via(`${name}-${backend.port}`))).body;
    await expect.poll(() => get('sbx-stays'), PATIENT).toBe('pod GET /');

    await cluster.kill();
    await expect.poll(() => gateway.log.count('kubernetes.follow_failed'), PATIENT).toBeGreaterThan(0);
    expect(await get('sbx-stays')).toBe('pod GET /');
    await cluster.start();
    await objects.create(late, endpoints('127.0.0.8'));
    await objects.status(late, { ready: 1 });
    // It asks every ten seconds or so, the longer the less often.
    await expect.poll(() => get('sbx-late'), { timeout: 120_000, interval: 100 }).toBe('pod GET /');
  }, 300_000);

  it('starts without its API server, and says so to those who ask for a sandbox', async () => {
    const path = await cluster.kubeconfig('nobody', { port: 9 });
    const options = {
      provider: 'batchsandbox',
      source: { from: 'files', paths: [path] },
      patienceMs: 200,
    } as const;
    const log = captureLog();
    const deps = { clock: systemClock(), log, random: Math.random };
    await using source = await openKubernetesDirectory(options, deps, AbortSignal.timeout(60_000));
    expect(() => source.directory.find('sbx-any', AbortSignal.timeout(60_000))).toThrow(
      expect.objectContaining({ kind: 'unavailable', code: 'source.away' }) as Error,
    );
    expect(source.directory.health()).toEqual({ isFresh: false, ageMs: Infinity, sandboxes: 0 });
    expect(log.count('source.away')).toBe(1);
  });

  it('does not start with a kubeconfig that cannot be read', async () => {
    const files = { from: 'files', paths: ['/nonexistent/kubeconfig'] } as const;
    const source = { kind: 'kubernetes', workload: 'batchsandbox', cluster: files } as const;
    await expect(openTestGateway({ source })).rejects.toMatchObject({
      code: 'kubernetes.config',
      message: expect.stringContaining('/nonexistent/kubeconfig') as string,
    });
  });
});

describe('the gateway of a cluster with agent sandboxes', () => {
  it('finds them under the name that their id becomes, and dials their service', async () => {
    await using backend = await openBackend('127.0.0.1', 'service');
    await using gateway = await openGatewayOf('agent-sandbox');
    const objects = agentSandboxes(cluster);
    const place = { namespace: 'agents', name: 'sandbox-1234' };
    await objects.create(place);
    const get = async (): Promise<string> => {
      const { status, body } = await ask(gateway.ingress.port, '/x', via(`1234-${backend.port}`));
      return `${status} ${body}`;
    };
    await expect.poll(get, PATIENT).toMatch(/^503 /);
    const ready = { type: 'Ready', status: 'True', reason: 'DependenciesReady', message: '' };
    await objects.status(place, { serviceFQDN: 'localhost', conditions: [ready] });
    await expect.poll(get, PATIENT).toBe('200 service GET /x');
  });
});
