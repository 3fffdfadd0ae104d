import { Fault, silentLogger, UndoStack } from '@opensandbox/base';
import type { SandboxId } from '@opensandbox/core/ports';
import { FakeClock, newSandboxId, settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { VolumeSummary } from '../engine/answers.ts';
import type { VolumeOf } from './backend.ts';
import type { ClaimDeps } from './claim-context.ts';
import { createClaimVolumes } from './claim.ts';

const { signal } = new AbortController();
const OLD = { CreatedAt: '1970-01-01T00:00:00Z' };

function claim(claimName: string): VolumeOf<'claim'> {
  const unsaid = { storageClass: undefined, storage: undefined, accessModes: undefined };
  const source = {
    kind: 'claim',
    claimName,
    createIfMissing: true,
    deleteWithSandbox: false,
    ...unsaid,
  } as const;
  return { name: 'v', mountPath: '/v', readOnly: false, subPath: undefined, source };
}

/** Holds volumes, and no container. `onLook` runs while it is asked for containers. */
function fakeEngine(volumes: Map<string, VolumeSummary>, onLook: () => Promise<void>) {
  const engine: ClaimDeps['engine'] = {
    inspectVolume(name) {
      const found = volumes.get(name);
      if (found === undefined)
        return Promise.reject(new Fault('not_found', 'engine.failed', 'no such volume'));
      return Promise.resolve(found);
    },
    createVolume(name, labels) {
      volumes.set(name, { Name: name, Labels: labels });
      return Promise.resolve();
    },
    listVolumes: () => Promise.resolve([...volumes.values()]),
    removeVolume(name) {
      volumes.delete(name);
      return Promise.resolve();
    },
    async listContainers() {
      await onLook();
      return [];
    },
  };
  return engine;
}

function open(engine: ClaimDeps['engine']) {
  const pins = { source: () => Promise.reject(new Error('not asked for')) };
  const unused = { instance: undefined, obstacle: undefined, pins };
  return createClaimVolumes({ ...unused, engine, clock: new FakeClock(), log: silentLogger });
}

function preparationOf(sandboxId: SandboxId) {
  const [undo, transient] = [new UndoStack(() => undefined), new UndoStack(() => undefined)];
  return { sandboxId, image: 'image', undo, transient };
}

describe('createClaimVolumes', () => {
  it('does not sweep a volume away from a create that has just found it', async () => {
    const volumes = new Map([
      ['data', { Name: 'data', Labels: { 'opensandbox.io/owned-by': 'gone' }, ...OLD }],
    ]);
    const id = newSandboxId();
    let preparing: Promise<unknown> | undefined;
    const engine = fakeEngine(volumes, async () => {
      preparing ??= claims.prepare(claim('data'), preparationOf(id), signal);
      await settle(); // as far as it gets
    });
    const claims = open(engine);
    await claims.sweep(signal);
    await preparing;
    expect(volumes.get('data')?.Labels).toMatchObject({ 'opensandbox.io/made-for': id });
  });

  it.each([
    ['keeps', 'sub', ['data']],
    ['removes', '', []],
  ] as const)(
    '%s a volume when a container says that it has the part %j of it',
    async (_what, part, left) => {
      const volumes = new Map([['data', { Name: 'data' }]]);
      const holder = { Id: 'x', Created: 1, Labels: { 'opensandbox.io/part-of.data': part } };
      const engine = fakeEngine(volumes, () => Promise.resolve());
      const claims = open({ ...engine, listContainers: () => Promise.resolve([holder]) });
      await claims.remove([{ name: 'data', isHearsay: false }], signal);
      expect([...volumes.keys()]).toEqual(left);
    },
  );

  describe('when the engine cannot remove a volume', () => {
    const volumes = ['stuck', 'other'].map((name): [string, VolumeSummary] => [
      name,
      { Name: name, Labels: { 'opensandbox.io/owned-by': 'gone' }, ...OLD },
    ]);

    function stuckEngine(left: Map<string, VolumeSummary>, failure: Fault): ClaimDeps['engine'] {
      const engine = fakeEngine(left, () => Promise.resolve());
      return {
        ...engine,
        removeVolume: (name, until) =>
          name === 'stuck' ? Promise.reject(failure) : engine.removeVolume(name, until),
      };
    }

    it.each(['internal', 'conflict'] as const)('goes on with the others (%s)', async (kind) => {
      const left = new Map(volumes);
      const claims = open(stuckEngine(left, new Fault(kind, 'engine.failed', 'device or resource busy')));
      await claims.sweep(signal);
      expect([...left.keys()]).toEqual(['stuck']);
      const both = ['stuck', 'other'].map((name) => ({ name, isHearsay: false }));
      left.set('other', { Name: 'other' });
      await claims.remove(both, signal);
      expect([...left.keys()]).toEqual(['stuck']);
    });

    it('rejects when it is away', async () => {
      const away = new Fault('unavailable', 'engine.unavailable', 'away');
      const claims = open(stuckEngine(new Map(volumes), away));
      await expect(claims.remove([{ name: 'stuck', isHearsay: false }], signal)).rejects.toBe(away);
    });
  });
});
