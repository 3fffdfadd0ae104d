import { createServer, request } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { buildKubernetes, installCustomResources, openCluster } from '@opensandbox/testkit';
import type { Cluster, ClusterTokens } from '@opensandbox/testkit';

export const ROOT = resolve(import.meta.dirname, '../../../..');
/** For `expect.poll`: generous, because the machine may be busy. */
export const PATIENT = { timeout: 40_000, interval: 50 };

const MERGE = { contentType: 'application/merge-patch+json' };

/** A cluster that knows the kinds of sandboxes; the test plays their controllers. */
export async function openSandboxCluster(tokens: ClusterTokens = {}): Promise<Cluster> {
  const programs = await buildKubernetes(ROOT);
  const cluster = await openCluster({ programs, tokens });
  try {
    await installCustomResources(cluster, ROOT);
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}

export async function makeNamespaces(cluster: Cluster, ...names: readonly string[]): Promise<void> {
  for (const name of names) await cluster.api('POST', '/api/v1/namespaces', { metadata: { name } });
}

export interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** A kind of object as its controller writes it: the object, then its status. */
function kindOf(cluster: Cluster, apiVersion: string, kind: string, plural: string) {
  const path = ({ namespace }: Place): string => `/apis/${apiVersion}/namespaces/${namespace}/${plural}`;
  return {
    create: ({ namespace, name }: Place, annotations: Readonly<Record<string, string>> = {}) =>
      cluster.api('POST', path({ namespace, name }), {
        apiVersion,
        kind,
        metadata: { name, annotations },
        spec: {},
      }),
    annotate: (place: Place, annotations: Readonly<Record<string, string>>) =>
      cluster.api('PATCH', `${path(place)}/${place.name}`, { metadata: { annotations } }, MERGE),
    status: (place: Place, status: unknown) =>
      cluster.api('PATCH', `${path(place)}/${place.name}/status`, { status }, MERGE),
    remove: (place: Place) => cluster.api('DELETE', `${path(place)}/${place.name}`),
  };
}

export const batchSandboxes = (cluster: Cluster) =>
  kindOf(cluster, 'sandbox.opensandbox.io/v1alpha1', 'BatchSandbox', 'batchsandboxes');

export const agentSandboxes = (cluster: Cluster) =>
  kindOf(cluster, 'agents.x-k8s.io/v1alpha1', 'Sandbox', 'sandboxes');

export const endpoints = (...addresses: readonly string[]): Readonly<Record<string, string>> => ({
  'sandbox.opensandbox.io/endpoints': JSON.stringify(addresses),
});

export const accessToken = (token: string): Readonly<Record<string, string>> => ({
  'opensandbox.io/secure-access-token': token,
});

export interface Backend extends AsyncDisposable {
  readonly port: number;
}

/** A service in a pod: says its name and what it was asked. */
export async function openBackend(host: string, name: string): Promise<Backend> {
  const server: Server = createServer((asked, answer) => answer.end(`${name} ${asked.method} ${asked.url}`));
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(0, host, listening);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A request with the gateway's headers, on a connection of its own. */
export function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((answered, failed) => {
    const asking = request({ host: '127.0.0.1', port, path, headers, agent: false }, (answer) => {
      text(answer).then((body) => answered({ status: answer.statusCode ?? 0, body }), failed);
    });
    asking.once('error', failed);
    asking.end();
  });
}
