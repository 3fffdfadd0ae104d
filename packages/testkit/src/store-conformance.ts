import { Fault, Secret } from '@opensandbox/base';
import type { SandboxRecord, SandboxStore } from '@opensandbox/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSandboxId, sampleRecord, sampleSpec } from './sample-records.ts';

/** One store, opened for one test. */
export interface StoreHarness {
  readonly store: SandboxStore;
  /** Closes it and opens it again over the same data; absent when the store does not outlive its process. */
  reopen?(): Promise<SandboxStore>;
  close(): Promise<void>;
}

export interface StoreConformanceOptions {
  /** `false` for a store that is gone with its process. */
  readonly outlivesProcess?: boolean;
}

/** What the core relies on, as tests. Every store runs it. */
export function storeConformance(
  name: string,
  open: () => Promise<StoreHarness>,
  options: StoreConformanceOptions = {},
): void {
  describe(`${name} keeps the store contract`, () => {
    let harness: StoreHarness;
    let store: SandboxStore;

    beforeEach(async () => {
      harness = await open();
      store = harness.store;
    });

    afterEach(() => harness.close());

    async function rejection(work: Promise<unknown>): Promise<Fault> {
      const error = await work.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, 'rejects with a Fault').toBeInstanceOf(Fault);
      return error as Fault;
    }

    it('knows nothing at first', () => {
      expect(store.list()).toEqual([]);
      expect(store.get(newSandboxId())).toBeUndefined();
    });

    it('gives back what was inserted', async () => {
      const record = fullRecord();
      await store.insert(record);
      expect(store.get(record.id)).toEqual(record);
      expect(store.list()).toEqual([record]);
    });

    it('refuses an id that is taken, also when both come at once', async () => {
      const record = sampleRecord();
      const outcomes = await Promise.allSettled([store.insert(record), store.insert(record)]);
      expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['fulfilled', 'rejected']);
      const fault = await rejection(store.insert(record));
      expect(fault).toMatchObject({ kind: 'conflict', code: 'store.exists' });
    });

    it('replaces a record and counts the revision', async () => {
      const record = sampleRecord();
      await store.insert(record);
      const updated = await store.update(record.id, (current) => ({ ...current, intent: 'pause' }));
      expect(updated).toEqual({ ...record, intent: 'pause', revision: 2 });
      expect(store.get(record.id)).toEqual(updated);
      expect(store.list()).toEqual([updated]);
    });

    it('writes nothing when the change returns what it was given', async () => {
      const record = sampleRecord();
      await store.insert(record);
      expect((await store.update(record.id, (current) => current)).revision).toBe(1);
    });

    it('passes on what the change throws, and writes nothing', async () => {
      const record = sampleRecord();
      await store.insert(record);
      const refusal = new Fault('conflict', 'expiration.disabled', 'no');
      const refuse = (): SandboxRecord => {
        throw refusal;
      };
      expect(await rejection(store.update(record.id, refuse))).toBe(refusal);
      expect(store.get(record.id)).toEqual(record);
    });

    it('applies changes that come at once one after another', async () => {
      const record = sampleRecord();
      await store.insert(record);
      const add = (key: string) => (current: SandboxRecord) => ({
        ...current,
        metadata: { ...current.metadata, [key]: '1' },
      });
      await Promise.all(['a', 'b', 'c'].map((key) => store.update(record.id, add(key))));
      expect(store.get(record.id)).toMatchObject({ metadata: { a: '1', b: '1', c: '1' }, revision: 4 });
    });

    it('says not found when there is nothing to change', async () => {
      const fault = await rejection(store.update(newSandboxId(), (current) => current));
      expect(fault).toMatchObject({ kind: 'not_found', code: 'sandbox.not_found' });
    });

    it('forgets what was removed, and succeeds when nothing was there', async () => {
      const record = sampleRecord();
      await store.insert(record);
      await store.remove(record.id);
      await store.remove(record.id);
      expect(store.get(record.id)).toBeUndefined();
      expect(store.list()).toEqual([]);
    });

    it('keeps the order in which insert, update and remove of one record were asked', async () => {
      const record = sampleRecord();
      const all = await Promise.allSettled([
        store.insert(record),
        store.update(record.id, (current) => ({ ...current, intent: 'destroy' })),
        store.remove(record.id),
        store.insert(record),
      ]);
      expect(all.map((outcome) => outcome.status)).toEqual(all.map(() => 'fulfilled'));
      expect(store.get(record.id)?.intent).toBe('run');
    });

    it('takes two hundred records at once', async () => {
      const records = Array.from({ length: 200 }, () => sampleRecord());
      await Promise.all(records.map((record) => store.insert(record)));
      expect(new Set(store.list().map((record) => record.id))).toEqual(new Set(records.map(({ id }) => id)));
    });

    const ifDurable = options.outlivesProcess === false ? () => undefined : it;
    ifDurable('has everything again after it was opened anew', async () => {
      if (harness.reopen === undefined) throw new Error(`${name}'s harness cannot reopen it`);
      const [kept, changed, removed] = [fullRecord(), sampleRecord(), sampleRecord()];
      await Promise.all([kept, changed, removed].map((record) => store.insert(record)));
      const updated = await store.update(changed.id, (current) => ({ ...current, expiresAt: undefined }));
      await store.remove(removed.id);
      store = await harness.reopen();
      const byId = (a: SandboxRecord, b: SandboxRecord): number => (a.id < b.id ? -1 : 1);
      expect([...store.list()].sort(byId)).toEqual([kept, updated].sort(byId));
      const source = store.get(kept.id)?.spec.source;
      expect(source?.kind === 'image' && source.auth?.password.reveal()).toBe('s3cret');
    });
  });
}

function fullVolumes(): SandboxRecord['spec']['volumes'] {
  const mount = { mountPath: '/m', readOnly: true, subPath: undefined };
  const made = { storageClass: undefined, storage: '1Gi', accessModes: ['ReadWriteOnce'] };
  const kept = { createIfMissing: true, deleteWithSandbox: false };
  const credentials = { accessKeyId: 'id', accessKeySecret: new Secret('s3cret') };
  const oss = {
    bucket: 'bucket',
    endpoint: 'oss.example',
    version: '2.0',
    options: ['allow_other'],
  } as const;
  return [
    { ...mount, name: 'a', source: { kind: 'host', path: '/data' } },
    { ...mount, name: 'b', source: { kind: 'claim', claimName: 'c', ...kept, ...made } },
    { ...mount, name: 'c', subPath: 'd', source: { kind: 'ossfs', ...oss, credentials } },
    { ...mount, name: 'd', source: { kind: 'ossfs', ...oss, credentials: undefined } },
  ];
}

/** A record that uses everything a record can hold. */
function fullRecord(): SandboxRecord {
  return sampleRecord({
    spec: sampleSpec({
      source: {
        kind: 'image',
        uri: 'registry.example/app:1',
        auth: { username: 'me', password: new Secret('s3cret') },
      },
      entrypoint: ['sh', '-c', 'echo "ü\n"'],
      env: [
        ['A', ''],
        ['B', 'x=y'],
      ],
      platform: { os: 'linux', arch: 'amd64' },
      resources: {
        cpuMillis: 500,
        memoryBytes: 1 << 29,
        gpus: 'all',
        storageBytes: 1 << 30,
        cpuRequestMillis: 250,
        memoryRequestBytes: 1 << 28,
      },
      volumes: fullVolumes(),
      resourceLimits: { cpu: '500m' },
      extensions: { 'access.renew.extend.seconds': '300' },
      accessRenewSeconds: 300,
    }),
    metadata: { 'example.com/team': 'infra', empty: '' },
    expiresAt: Date.UTC(9999, 0, 1),
    expiresAtMicros: 456,
    lost: { since: 6, provenSince: 7 },
    buriedAt: 8,
    provisioning: { phase: 'failed', at: 5, kind: 'internal', code: 'image.pull_failed', message: 'no' },
  });
}
