import { Fault } from '@opensandbox/base';
import type { RuntimeDriver, SandboxId, SandboxRecord, SandboxSpec, SnapshotFacet } from '@opensandbox/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSandboxId, sampleRecord } from './sample-records.ts';

/** One driver with snapshots, opened for one test. */
export interface SnapshotHarness {
  readonly driver: RuntimeDriver;
  /** A sandbox that runs until it is removed. */
  makeSpec(): SandboxSpec;
  /** Ends the sandbox's main process from outside. */
  kill(id: SandboxId): Promise<void>;
  /** What is on the engine for these snapshots, whatever it is called there. */
  artefacts(snapshotIds: readonly string[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

const { signal } = new AbortController();

/** What the core relies on, as tests. Every driver that keeps snapshots runs it. */
export function snapshotConformance(name: string, open: () => Promise<SnapshotHarness>): void {
  describe(`${name} keeps the contract of snapshots`, () => {
    let harness: SnapshotHarness;
    let driver: RuntimeDriver;
    let facet: SnapshotFacet;
    let sandboxes: SandboxId[];
    let snapshots: string[];

    beforeEach(async () => {
      harness = await open();
      driver = harness.driver;
      if (driver.snapshots === undefined) throw new Error('the driver has no snapshots');
      facet = driver.snapshots;
      [sandboxes, snapshots] = [[], []];
    });

    afterEach(async () => {
      await Promise.all(sandboxes.map((id) => driver.destroy(id, signal)));
      await Promise.all(snapshots.map((id) => facet.remove(id, signal)));
      expect(await harness.artefacts(snapshots), 'nothing is left').toEqual([]);
      await harness.close();
    });

    async function create(change: Partial<SandboxSpec> = {}): Promise<SandboxRecord> {
      const record = sampleRecord({ spec: { ...harness.makeSpec(), ...change } });
      sandboxes.push(record.id);
      await driver.create(record, () => undefined, signal);
      return record;
    }

    function newId(): string {
      const id = newSandboxId();
      snapshots.push(id);
      return id;
    }

    async function capture(sandboxId: SandboxId, snapshotId = newId()): Promise<string> {
      return (await facet.capture({ snapshotId, sandboxId }, () => undefined, signal)).image;
    }

    async function refusal(work: Promise<unknown>): Promise<Fault> {
      const error = await work.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, 'rejects with a Fault').toBeInstanceOf(Fault);
      return error as Fault;
    }

    it('captures a running sandbox, which runs on, and restores another from it', async () => {
      const { id } = await create();
      const snapshotId = newId();
      const image = await capture(id, snapshotId);
      expect((await driver.inspect(id, signal))?.phase).toBe('running');
      const source = { kind: 'snapshot' as const, snapshotId, image };
      const copy = await create({ source });
      expect((await driver.inspect(copy.id, signal))?.claim?.spec.source).toEqual(source);
    });

    it('captures a paused sandbox, which stays paused', async () => {
      const { id } = await create();
      await driver.pausing?.pause(id, signal);
      await capture(id);
      expect((await driver.inspect(id, signal))?.phase).toBe('paused');
    });

    it('outlives its source, and knows it no more', async () => {
      const { id } = await create();
      const snapshotId = newId();
      const image = await capture(id, snapshotId);
      await driver.destroy(id, signal);
      const recovered = await facet.recover({ snapshotId, sandboxId: id }, () => undefined, signal);
      expect(recovered?.image).toBe(image);
      await create({ source: { kind: 'snapshot', snapshotId, image } });
    });

    it('captures the same sandbox again under another id', async () => {
      const { id } = await create();
      const [first, second] = [newId(), newId()];
      await capture(id, first);
      await capture(id, second);
      await facet.remove(first, signal);
      expect(await harness.artefacts([first])).toEqual([]);
      const kept = await facet.recover({ snapshotId: second, sandboxId: id }, () => undefined, signal);
      expect(kept).toBeDefined();
    });

    it('refuses what is not there, and what has ended', async () => {
      expect(await refusal(capture(newSandboxId()))).toMatchObject({
        kind: 'not_found',
        code: 'sandbox.not_found',
      });
      const { id } = await create();
      await harness.kill(id);
      await expect.poll(async () => (await driver.inspect(id, signal))?.phase).toBe('exited');
      expect(await refusal(capture(id))).toMatchObject({ kind: 'conflict', code: 'snapshot.source_state' });
    });

    it('does not remove what sandboxes use, running or ended, until the last is gone', async () => {
      const { id } = await create();
      const snapshotId = newId();
      const image = await capture(id, snapshotId);
      const copy = await create({ source: { kind: 'snapshot', snapshotId, image } });
      const inUse = { kind: 'conflict', code: 'snapshot.delete_conflict' };
      expect(await refusal(facet.remove(snapshotId, signal))).toMatchObject(inUse);
      await harness.kill(copy.id);
      expect(await refusal(facet.remove(snapshotId, signal))).toMatchObject(inUse);
      await driver.destroy(copy.id, signal);
      await facet.remove(snapshotId, signal);
      await facet.remove(snapshotId, signal);
    });

    it('removes a snapshot whose copy was captured itself; that one stays whole', async () => {
      const { id } = await create();
      const [parent, child] = [newId(), newId()];
      const image = await capture(id, parent);
      const copy = await create({ source: { kind: 'snapshot', snapshotId: parent, image } });
      const childImage = await capture(copy.id, child);
      await driver.destroy(copy.id, signal);
      await facet.remove(parent, signal);
      await create({ source: { kind: 'snapshot', snapshotId: child, image: childImage } });
    });

    it('knows of no capture that nobody began', async () => {
      const { id } = await create();
      const wish = { snapshotId: newId(), sandboxId: id };
      expect(await facet.recover(wish, () => undefined, signal)).toBeUndefined();
      const gone = { ...wish, sandboxId: newSandboxId() };
      expect(await facet.recover(gone, () => undefined, signal)).toBeUndefined();
    });

    it('stops waiting when it is told to, and finds later what became of it', async () => {
      const { id } = await create();
      const wish = { snapshotId: newId(), sandboxId: id };
      const aborting = new AbortController();
      const capturing = facet.capture(wish, () => aborting.abort(), aborting.signal);
      expect(await refusal(capturing)).toMatchObject({ kind: 'cancelled' });
      const recovered = await facet.recover(wish, () => undefined, signal);
      await expect
        .poll(async () => (await driver.inspect(id, signal))?.phase, { timeout: 20_000 })
        .toBe('running');
      const later = await facet.recover(wish, () => undefined, signal);
      if (recovered !== undefined) expect(later).toEqual(recovered);
    });
  });
}
