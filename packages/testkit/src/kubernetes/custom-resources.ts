import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';

interface Definition {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const ESTABLISH_MS = 30_000;

/** Makes the cluster know the kinds of `tools/kubernetes/crds`, and waits until it serves them. */
export async function installCustomResources(cluster: Cluster, root: string): Promise<void> {
  const folder = join(root, 'tools/kubernetes/crds');
  for (const file of (await readdir(folder)).sort()) {
    const definition = JSON.parse(await readFile(join(folder, file), 'utf8')) as Definition;
    await cluster.api('POST', DEFINITIONS, definition);
    await isEstablished(cluster, definition.metadata.name);
  }
}

async function isEstablished(cluster: Cluster, name: string): Promise<void> {
  const stop = AbortSignal.timeout(ESTABLISH_MS);
  while (!stop.aborted) {
    const { body } = await cluster.api('GET', `${DEFINITIONS}/${name}`);
    const conditions = (body as Definition).status?.conditions ?? [];
    if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) return;
    await pause(50);
  }
  throw new Error(`the cluster does not serve ${name}`);
}
