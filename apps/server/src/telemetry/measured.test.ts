import { Fault } from '@opensandbox/base';
import type { EngineEvent, RuntimeDriver } from '@opensandbox/core/ports';
import { createMeters, noTracing } from '@opensandbox/telemetry';
import { MemoryStore, sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createInstruments } from './instruments.ts';
import { measuredDriver } from './measured-driver.ts';
import { measuredStore } from './measured-store.ts';

const { signal } = new AbortController();
const NOW = Date.UTC(2030, 0, 1, 0, 0, 10);

/** A measure whose durations all take one second. */
function measure() {
  const meters = createMeters();
  let now = 0;
  const deps = {
    instruments: createInstruments(meters),
    tracing: noTracing,
    now: () => (now += 1000),
    wallNow: () => NOW,
    publicCode: (fault: Fault) => `PUBLIC::${fault.code}`,
  };
  /** The series of a metric: label values, then its value, or the sum of a histogram. */
  const series = (name: string): readonly unknown[][] => {
    const family = meters.collect().find((metric) => metric.name === `opensandbox_${name}`);
    const shown = family?.series.map(({ labels, value }) => [
      ...Object.values(labels),
      typeof value === 'number' ? value : value.sum,
    ]);
    return shown ?? [];
  };
  return { deps, series };
}

function driverThat(verbs: Partial<RuntimeDriver>): RuntimeDriver {
  const unused = (): never => {
    throw new Error('not asked for');
  };
  return {
    name: 'fake',
    admit: unused,
    create: unused,
    destroy: unused,
    inspect: unused,
    observe: unused,
    ...verbs,
  };
}

describe('measuredDriver', () => {
  it('splits a creation at what the driver reports, a failed one as well', async () => {
    const { deps, series } = measure();
    const driver = measuredDriver(
      driverThat({
        create(_record, report) {
          report({ step: 'image', message: '1%' });
          report({ step: 'create', message: '' });
          report({ step: 'start', message: '' });
          throw new Fault('internal', 'sandbox.start_failed', 'no');
        },
      }),
      deps,
    );
    const told: string[] = [];
    const record = sampleRecord({ createdAt: NOW - 4000 });
    const creating = driver.create(record, ({ step }) => told.push(step), signal);
    await expect(creating).rejects.toMatchObject({ code: 'sandbox.start_failed' });
    expect(told).toEqual(['image', 'create', 'start']);
    expect(series('sandbox_create_stage_seconds')).toEqual([
      ['queue', 4],
      ['image', 1],
      ['create', 1],
      ['start', 1],
    ]);
    expect(series('engine_operation_seconds')).toEqual([['create', 'internal', expect.any(Number)]]);
  });

  it('counts removals by what was there', async () => {
    const { deps, series } = measure();
    const answers = ['removed', 'absent'] as const;
    let at = 0;
    const driver = measuredDriver(
      driverThat({
        async destroy() {
          const answer = answers[at++];
          if (answer === undefined) throw new Fault('unavailable', 'engine.unavailable', 'away');
          return answer;
        },
      }),
      deps,
    );
    const { id } = sampleRecord();
    expect(await driver.destroy(id, signal)).toBe('removed');
    expect(await driver.destroy(id, signal)).toBe('absent');
    await expect(driver.destroy(id, signal)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(series('sandbox_deletes_total')).toEqual([
      ['removed', 1],
      ['absent', 1],
      ['failed', 1],
    ]);
  });

  it('passes every event on, and tells how late those are that say when they happened', async () => {
    const { deps, series } = measure();
    const { id } = sampleRecord();
    const events: readonly EngineEvent[] = [
      { type: 'snapshot', readAt: 1, observations: [] },
      { type: 'gone', id, readAt: 2, happenedAt: NOW - 250 },
      { type: 'gone', id, readAt: 3, happenedAt: NOW + 9000 },
      { type: 'gone', id, readAt: 4 },
    ];
    const driver = measuredDriver(
      driverThat({
        async *observe() {
          yield* events;
        },
      }),
      deps,
    );
    const seen: EngineEvent[] = [];
    for await (const event of driver.observe(signal)) seen.push(event);
    expect(seen).toEqual(events);
    expect(series('engine_events_total')).toEqual([
      ['snapshot', 1],
      ['gone', 3],
    ]);
    expect(series('engine_event_lag_seconds')).toEqual([[0.25]]);
  });

  it('has the facets that the driver has', () => {
    const { deps } = measure();
    expect(measuredDriver(driverThat({}), deps)).not.toHaveProperty('pausing');
    expect(measuredDriver(driverThat({}), deps)).not.toHaveProperty('snapshots');
  });
});

describe('measuredStore', () => {
  it('counts how a provisioning ended once, by its public code', async () => {
    const { deps, series } = measure();
    const store = measuredStore(new MemoryStore(), deps);
    const [good, bad] = [sampleRecord({ createdAt: NOW - 3000 }), sampleRecord()];
    await store.insert(good);
    await store.insert(bad);
    for (const { id } of [good, good]) {
      await store.update(id, (now) => ({ ...now, provisioning: { phase: 'ready', at: NOW } }));
    }
    const failed = {
      phase: 'failed',
      at: NOW,
      kind: 'internal',
      code: 'image.pull_failed',
      message: '',
    } as const;
    await store.update(bad.id, (current) => ({ ...current, provisioning: failed }));
    expect(series('sandbox_provisions_total')).toEqual([
      ['ready', '', 1],
      ['failed', 'PUBLIC::image.pull_failed', 1],
    ]);
    expect(series('sandbox_create_stage_seconds')).toEqual([['total', 3]]);
  });

  it('tells writes that were refused from those that failed', async () => {
    const { deps, series } = measure();
    const memory = new MemoryStore();
    const store = measuredStore(memory, deps);
    const record = sampleRecord();
    await store.insert(record);
    await expect(store.insert(record)).rejects.toMatchObject({ kind: 'conflict' });
    memory.remove = () => Promise.reject(new Fault('unavailable', 'store.busy', 'busy'));
    await expect(store.remove(record.id)).rejects.toMatchObject({ code: 'store.busy' });
    expect(series('store_write_seconds')).toEqual([
      ['insert', 'success', 1],
      ['insert', 'refused', 1],
      ['remove', 'failed', 1],
    ]);
    expect(series('store_writes_pending')).toEqual([[0]]);
  });
});
