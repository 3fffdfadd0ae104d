import type { ApiAnswer, ServerProcess } from './server-process.ts';
import { docker, lines } from './docker.ts';
import { until } from './wait.ts';

const REPOSITORY = 'opensandbox-snapshots';

export interface SnapshotWire {
  readonly id: string;
  readonly sandboxId: string;
  readonly name?: string;
  readonly status: {
    readonly state: string;
    readonly reason: string;
    readonly message: string;
    readonly lastTransitionAt: string;
  };
  readonly createdAt: string;
}

/** The calls that snapshot stories and measurements make, and their cleaning up. */
export interface SnapshotCalls {
  /** `POST …/snapshots`; fails unless it is accepted. */
  take(sandboxId: string, name?: string): Promise<SnapshotWire>;
  get(id: string): Promise<SnapshotWire>;
  /** Resolves with the snapshot when it is no longer being made. */
  ended(id: string): Promise<SnapshotWire>;
  remove(id: string): Promise<ApiAnswer>;
  /** Creates a sandbox from a snapshot; resolves with its id when it runs. */
  restore(snapshotId: string, body?: object): Promise<string>;
  /** Removes the images of every snapshot that was taken through these calls. Their sandboxes must be gone. */
  clear(): Promise<void>;
}

export function snapshotCalls(server: ServerProcess): SnapshotCalls {
  const taken: string[] = [];
  const get = async (id: string): Promise<SnapshotWire> => {
    const { text } = await server.call('GET', `/v1/snapshots/${id}`);
    return JSON.parse(text) as SnapshotWire;
  };
  return {
    async take(sandboxId, name) {
      const body = name === undefined ? undefined : { name };
      const answer = await server.call('POST', `/v1/sandboxes/${sandboxId}/snapshots`, body);
      if (answer.status !== 202) throw new Error(`refused: ${answer.status} ${answer.text}`);
      const snapshot = JSON.parse(answer.text) as SnapshotWire;
      taken.push(snapshot.id);
      return snapshot;
    },
    get,
    ended: (id) =>
      until(`snapshot ${id} ends`, 120_000, async () => {
        const snapshot = await get(id);
        return snapshot.status.state !== 'Creating' && snapshot;
      }),
    remove: (id) => server.call('DELETE', `/v1/snapshots/${id}`),
    async restore(snapshotId, body = {}) {
      const answer = await server.call('POST', '/v1/sandboxes', { snapshotId, resourceLimits: {}, ...body });
      if (answer.status !== 202) throw new Error(`refused: ${answer.status} ${answer.text}`);
      await running(server, answer.json.id);
      return answer.json.id;
    },
    async clear() {
      const images = await lines('images', '-q', '--no-trunc', ...taken.map(byTag));
      if (taken.length > 0 && images.length > 0) await docker('rmi', '-f', ...new Set(images));
    },
  };
}

function byTag(id: string): string {
  return `--filter=reference=${REPOSITORY}:${id}`;
}

/** Images that belong to a snapshot: its own by name, and what a half-done one may have left without a name. */
export async function imagesOf(snapshotId: string): Promise<string[]> {
  const label = `--filter=label=opensandbox.io/snapshot-id=${snapshotId}`;
  const found = [
    ...(await lines('images', '-q', '--no-trunc', byTag(snapshotId))),
    ...(await lines('images', '-aq', '--no-trunc', label)),
  ];
  return [...new Set(found)];
}

export async function running(server: ServerProcess, id: string): Promise<void> {
  await until(`sandbox ${id} runs`, 90_000, async () => {
    const { json } = await server.call('GET', `/v1/sandboxes/${id}`);
    if (json.status.state === 'Failed') throw new Error(json.status.message);
    return json.status.state === 'Running';
  });
}
