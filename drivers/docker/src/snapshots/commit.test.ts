import { FakeClock, captureLog, newSandboxId, settle } from '@opensandbox/testkit';
import { expect, it } from 'vitest';
import type { ContainerInspect, ImageInspect } from '../engine/answers.ts';
import type { CommitRequest } from '../engine/snapshot-calls.ts';
import { createSnapshots } from './snapshots.ts';
import type { SnapshotsContext } from './snapshots-context.ts';

const { signal } = new AbortController();
const LIMIT_MS = 180_000;
const sandboxId = newSandboxId();
const CONTAINER: ContainerInspect = {
  Id: 'c1',
  Created: '2026-01-02T00:00:00Z',
  Image: 'sha256:base',
  State: { Running: true },
  Config: { Labels: { 'opensandbox.io/id': sandboxId } },
};
const IMAGE: ImageInspect = { Id: 'sha256:base' };

/** An engine whose commits end when the test says so. */
function openEngine() {
  const clock = new FakeClock();
  const begun = new Map<string, () => void>();
  const engine: SnapshotsContext['engine'] = {
    commit: ({ tag }: CommitRequest) => new Promise((resolve) => begun.set(tag, resolve)),
    containerSize: async () => undefined,
    inspectContainer: async () => CONTAINER,
    inspectImage: async () => IMAGE,
    listContainers: async () => [],
    listImages: async () => [],
    loadImages: async () => '',
    removeImage: async () => undefined,
  };
  const context = { engine, clock, log: captureLog(), apiTimeoutMs: LIMIT_MS, instance: undefined };
  const facet = createSnapshots(context);
  const capture = (snapshotId: string) => facet.capture({ snapshotId, sandboxId }, () => undefined, signal);
  return { clock, begun, capture };
}

it('a commit waits for one of the same container that was given up and goes on', async () => {
  const { clock, begun, capture } = openEngine();
  const first = expect(capture('s1')).rejects.toMatchObject({ kind: 'timeout' });
  await clock.advance(LIMIT_MS);
  await first;
  const second = capture('s2');
  await clock.advance(10_000);
  expect([...begun.keys()]).toEqual(['s1']);
  begun.get('s1')?.();
  await settle();
  expect([...begun.keys()]).toEqual(['s1', 's2']);
  begun.get('s2')?.();
  expect(await second).toMatchObject({ image: 'opensandbox-snapshots:s2' });
});

it('a commit whose turn does not come in its time is never begun', async () => {
  const { clock, begun, capture } = openEngine();
  const captures = [capture('s1'), capture('s2')].map((work) =>
    expect(work).rejects.toMatchObject({ kind: 'timeout', code: 'engine.timeout' }),
  );
  await clock.advance(LIMIT_MS);
  await Promise.all(captures);
  begun.get('s1')?.();
  await settle();
  expect([...begun.keys()]).toEqual(['s1']);
});
