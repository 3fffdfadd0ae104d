import type { SandboxId, SandboxSpec, SnapshotFacet } from '@opensandbox/core/ports';
import { newSandboxId, sampleRecord } from '@opensandbox/testkit';
import { busyboxSpec, lines } from '../docker-harness.ts';
import type { DockerTest } from '../docker-harness.ts';

const { signal } = new AbortController();

/** What the tests of snapshots do to one engine, and their cleaning up. */
export interface SnapshotWorld extends AsyncDisposable {
  readonly facet: SnapshotFacet;
  create(change?: Partial<SandboxSpec>): Promise<SandboxId>;
  /** Runs a line of busybox inside. */
  inside(id: SandboxId, command: string): Promise<string>;
  newId(): string;
  capture(sandboxId: SandboxId, snapshotId: string, aborted?: AbortSignal): Promise<string>;
  /** The JSON of `docker image inspect`, or of a part of it. */
  image(reference: string, part?: string): Promise<unknown>;
  labels(id: SandboxId): Promise<Readonly<Record<string, string>>>;
}

export function openSnapshotWorld(test: DockerTest): SnapshotWorld {
  const { driver, docker } = test;
  const facet = driver.snapshots;
  if (facet === undefined) throw new Error('the driver takes no snapshots');
  const [sandboxes, snapshots]: [SandboxId[], string[]] = [[], []];
  const json = async (...args: readonly string[]): Promise<unknown> => JSON.parse(await docker(...args));
  return {
    facet,
    async create(change = {}) {
      const record = sampleRecord({ spec: busyboxSpec(change) });
      sandboxes.push(record.id);
      await driver.create(record, () => undefined, signal);
      return record.id;
    },
    inside: (id, command) => docker('exec', `sandbox-${id}`, '/bin/busybox', 'sh', '-c', command),
    newId() {
      const id = newSandboxId();
      snapshots.push(id);
      return id;
    },
    async capture(sandboxId, snapshotId, aborted = signal) {
      return (await facet.capture({ snapshotId, sandboxId }, () => undefined, aborted)).image;
    },
    image: (reference, part = '') => json('image', 'inspect', '--format', `{{json .${part}}}`, reference),
    labels: async (id) =>
      (await json('inspect', '--format', '{{json .Config.Labels}}', `sandbox-${id}`)) as Record<
        string,
        string
      >,
    async [Symbol.asyncDispose]() {
      await Promise.all(sandboxes.map((id) => driver.destroy(id, signal)));
      await Promise.all(snapshots.map((id) => facet.remove(id, signal)));
    },
  };
}

/** Images that belong to snapshots: by name, and what was left without one. */
export async function imagesOf(
  docker: DockerTest['docker'],
  snapshotIds: readonly string[],
): Promise<readonly string[]> {
  const found = snapshotIds.flatMap((id) => [
    docker('images', '-q', '--filter', `reference=opensandbox-snapshots:${id}`),
    docker('images', '-aq', '--filter', `label=opensandbox.io/snapshot-id=${id}`),
  ]);
  return (await Promise.all(found)).flatMap(lines);
}

export function danglingImages(docker: DockerTest['docker']): Promise<readonly string[]> {
  return docker('images', '-q', '--filter', 'dangling=true').then(lines);
}
