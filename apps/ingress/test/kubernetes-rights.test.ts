import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAllYaml } from '@kubernetes/client-node';
import { systemClock } from '@opensandbox/base';
import { captureLog } from '@opensandbox/testkit';
import type { Cluster } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openKubernetesDirectory } from '../src/kubernetes/open-kubernetes-directory.ts';
import type { KubernetesSource, ProviderType } from '../src/kubernetes/open-kubernetes-directory.ts';
import {
  PATIENT,
  ROOT,
  batchSandboxes,
  endpoints,
  makeNamespaces,
  openSandboxCluster,
} from './support/kubernetes-world.ts';

const ACCOUNT = 'system:serviceaccount:opensandbox:opensandbox-ingress';
const PATHS: Readonly<Record<string, string>> = {
  ServiceAccount: '/api/v1/namespaces/opensandbox/serviceaccounts',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
};

let cluster: Cluster;

beforeAll(async () => {
  cluster = await openSandboxCluster({ [ACCOUNT]: 'account-token', guest: 'guest-token' });
  await makeNamespaces(cluster, 'opensandbox', 'anywhere');
  const text = await readFile(join(ROOT, 'deploy/kubernetes/ingress-rbac.yaml'), 'utf8');
  for (const document of loadAllYaml(text) as readonly { readonly kind: string }[])
    await cluster.api('POST', PATHS[document.kind] ?? '', document);
}, 600_000);

afterAll(async () => cluster[Symbol.asyncDispose]());

async function open(token: string, provider: ProviderType, patienceMs = 60_000) {
  const path = await cluster.kubeconfig(token, { port: cluster.port, token });
  const log = captureLog();
  const options = { provider, source: { from: 'files', paths: [path] }, patienceMs } as const;
  const deps = { clock: systemClock(), log, random: Math.random };
  const source: KubernetesSource = await openKubernetesDirectory(options, deps, AbortSignal.timeout(60_000));
  return { source, log, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
}

describe('the rights of the gateway', () => {
  it('are enough with what the project ships, in every namespace', async () => {
    await using gateway = await open('account-token', 'batchsandbox');
    const { directory } = gateway.source;
    const place = { namespace: 'anywhere', name: 'sbx-1' };
    const objects = batchSandboxes(cluster);
    await objects.create(place, endpoints('fd00::7'));
    await objects.status(place, { ready: 1 });
    const find = async () => directory.find('sbx-1', AbortSignal.timeout(60_000));
    await expect
      .poll(() => find().then(({ dial }) => dial(80, AbortSignal.timeout(60_000)), String), PATIENT)
      .toEqual({
        host: 'fd00::7',
        port: 80,
        basePath: '',
      });
    expect(directory.health()).toMatchObject({ isFresh: true, sandboxes: 1 });

    await using other = await open('account-token', 'agent-sandbox');
    expect(other.source.directory.health()).toMatchObject({ isFresh: true, sandboxes: 0 });
  });

  it('are named in the log where they are missing', async () => {
    await using gateway = await open('guest-token', 'batchsandbox', 100);
    const problem = () =>
      gateway.log.lines.find(({ event }) => event === 'kubernetes.follow_failed')?.fields['error'];
    await expect.poll(problem, PATIENT).toMatchObject({
      code: 'kubernetes.forbidden',
      message: expect.stringMatching(/"guest" cannot list resource "batchsandboxes" in API group/) as string,
    });
    expect(gateway.source.directory.health().isFresh).toBe(false);
  });
});
