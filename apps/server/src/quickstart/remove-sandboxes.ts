import { valueAt } from '../config/key-tree.ts';
import type { CallEngine } from '../doctor/engine-http.ts';

const INSTANCE_LABEL = 'opensandbox.io/instance';

/** Ends every sandbox of a server through its API. */
export async function removeThroughApi(url: string, apiKey: string, signal: AbortSignal): Promise<void> {
  const headers = { 'OPEN-SANDBOX-API-KEY': apiKey };
  const response = await fetch(`${url}/v1/sandboxes?pageSize=200`, { headers, signal });
  const items = valueAt(await response.json(), ['items']);
  const ids = Array.isArray(items) ? items.map((item) => valueAt(item, ['id'])) : [];
  await Promise.all(
    ids.map((id) => fetch(`${url}/v1/sandboxes/${String(id)}`, { method: 'DELETE', headers, signal })),
  );
}

/** Removes what carries the instance's label from the engine: the net below the API. Resolves with how many. */
export async function removeFromEngine(
  call: CallEngine,
  instance: string,
  signal: AbortSignal,
): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${INSTANCE_LABEL}=${instance}`] }));
  const { body } = await call('GET', `/containers/json?all=1&filters=${filters}`, signal);
  const containers = Array.isArray(body) ? body : [];
  for (const container of containers) {
    const id = valueAt(container, ['Id']);
    if (typeof id === 'string') await call('DELETE', `/containers/${id}?force=1&v=1`, signal);
  }
  return containers.length;
}
