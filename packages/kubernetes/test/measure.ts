/** What following many objects costs: time to the first sync, memory, and how late a change arrives. */
import { setTimeout as pause } from 'node:timers/promises';
import { isRecord } from '../src/index.ts';
import { CONFIG_MAPS, follow, openTestCluster, writer } from './cluster-world.ts';

const OBJECTS = Number(process.argv[2] ?? 2000);
const WRITERS = 20;
/** Objects of a real cluster carry templates and managed fields. */
const PADDING = 'x'.repeat(6_000);

function usedBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

await using cluster = await openTestCluster();
const maps = writer(cluster, 'many');
await maps.makeNamespace();
const names = Array.from({ length: OBJECTS }, (_, index) => `sandbox-${index}`);
const rest = [...names];
const write = async (): Promise<void> => {
  for (let name = rest.pop(); name !== undefined; name = rest.pop())
    await maps.create(name, `${name} ${PADDING}`);
};
const writing = performance.now();
await Promise.all(Array.from({ length: WRITERS }, write));
console.log(`wrote ${OBJECTS} objects in ${Math.round(performance.now() - writing)} ms`);

const kubeconfig = await cluster.kubeconfig('measure', { port: cluster.port });
// The library is loaded before anything is measured.
await import('@kubernetes/client-node');
const before = usedBytes();
const started = performance.now();
const select = (object: { readonly [member: string]: unknown }) => {
  const data = object['data'];
  const value = isRecord(data) ? data['value'] : undefined;
  return typeof value === 'string' ? { host: value.split(' ')[0], isReady: true } : undefined;
};
const options = { resource: { ...CONFIG_MAPS, namespace: 'many' }, select };
await using followed = follow({ kubeconfig }, { ...options, indexes: { name: ({ name }) => [name] } });
await followed.cache.ready(AbortSignal.timeout(120_000));
const syncMs = Math.round(performance.now() - started);
await pause(500);
const perObject = Math.round((usedBytes() - before) / followed.cache.size);
const rss = Math.round(process.memoryUsage().rss / 1024 / 1024);
console.log(
  `${followed.cache.size} objects: first sync ${syncMs} ms, ${perObject} bytes an object, ${rss} MiB in all`,
);

const delays: number[] = [];
for (let index = 0; index < 50; index += 1) {
  const name = `late-${index}`;
  const seen = new Promise<void>((resolve) => {
    const stop = new AbortController();
    followed.cache.subscribe((change) => {
      if (change.type !== 'put' || change.entry.name !== name) return;
      stop.abort();
      resolve();
    }, stop.signal);
  });
  await maps.create(name, 'x');
  const answered = performance.now();
  await seen;
  delays.push(performance.now() - answered);
}
delays.sort((a, b) => a - b);
console.log(
  `seen after the writer's answer: median ${delays[25]?.toFixed(1)} ms, latest ${delays.at(-1)?.toFixed(1)} ms`,
);
