import type { Observation, Progress, SandboxRecord } from '@opensandbox/core/ports';
import { FAULT_CODES } from '@opensandbox/core/ports';
import { setMaxListeners } from 'node:events';
import { Fault, isFault, sleep, systemClock } from '@opensandbox/base';
import type { TestContext } from 'vitest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConformanceOptions, DriverHarness, OpenDriverHarness, SpecWish } from './driver-harness.ts';
import { shows, showsGone, watchEvents } from './event-watch.ts';
import type { EventWatch } from './event-watch.ts';
import { sampleRecord } from './sample-records.ts';

const STAY: SpecWish = { does: 'stay' };

/**
 * What the core relies on, as tests. Every driver runs it against its engine, the fake one included. Real time:
 * engines know no other.
 */
export function driverConformance(name: string, open: OpenDriverHarness, options: ConformanceOptions = {}) {
  const patienceMs = options.patienceMs ?? 30_000;
  const newsMs = options.newsMs ?? 10_000;
  const clock = systemClock();
  const { signal } = new AbortController();
  setMaxListeners(0, signal);

  describe(`${name} keeps the driver contract`, { timeout: patienceMs * 4 }, () => {
    let harness: DriverHarness;
    let made: SandboxRecord[] = [];
    let watches: EventWatch[] = [];

    beforeEach(async () => {
      harness = await open();
      made = [];
      watches = [];
    });

    afterEach(async () => {
      await Promise.all(watches.map((watch) => watch.stop()));
      await Promise.all(made.map((record) => harness.driver.destroy(record.id, signal)));
      const left = await harness.leftovers();
      await harness.close();
      expect(left, 'left on the engine after destroy').toEqual([]);
    });

    function record(
      context: TestContext,
      wish: SpecWish,
      change: Partial<SandboxRecord> = {},
    ): SandboxRecord {
      const spec = harness.makeSpec(wish);
      if (spec === undefined) return context.skip(`${name} cannot show: ${wish.does}`);
      const now = clock.now();
      const one = sampleRecord({ spec, createdAt: now, ...change });
      made.push(one);
      return one;
    }

    const create = (one: SandboxRecord, abort: AbortSignal = signal): Promise<Observation> =>
      harness.driver.create(one, () => undefined, abort);

    function watch(): EventWatch {
      const started = watchEvents(harness.driver, newsMs);
      watches.push(started);
      return started;
    }

    async function rejection(work: Promise<unknown>): Promise<Fault> {
      const error = await work.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, 'rejects with a Fault').toBeInstanceOf(Fault);
      const fault = error as Fault;
      expect(Object.keys(FAULT_CODES), 'its code is a known one').toContain(fault.code);
      return fault;
    }

    /** Waits until the engine itself shows the state, for tests that do not go through `observe`. */
    async function inspectUntil(one: SandboxRecord, phase: Observation['phase']): Promise<Observation> {
      const end = clock.now() + patienceMs;
      for (;;) {
        const seen = await harness.driver.inspect(one.id, signal);
        if (seen?.phase === phase) return seen;
        if (clock.now() > end) throw new Error(`still ${seen?.phase ?? 'absent'}, waited for ${phase}`);
        await sleep(clock, 20, signal);
      }
    }

    describe('admit', () => {
      it('accepts an ordinary spec as it is and creates nothing', async (context) => {
        const { spec } = record(context, STAY);
        expect(await harness.driver.admit(spec, signal)).toEqual(spec);
        expect(await harness.leftovers()).toEqual([]);
      });
    });

    describe('create', () => {
      it('starts the sandbox and returns what the engine then says', async (context) => {
        const one = record(context, STAY);
        const before = clock.now();
        const seen = await create(one);
        expect(seen).toMatchObject({ id: one.id, phase: 'running', exitCode: undefined, oomKilled: false });
        expect(seen.readAt).toBeGreaterThanOrEqual(before);
        expect(seen.readAt).toBeLessThanOrEqual(clock.now());
        expect(seen.reach.kind).not.toBe('none');
      });

      it('adopts what is already there when it is repeated', async (context) => {
        const one = record(context, STAY);
        const first = await create(one);
        const left = await harness.leftovers();
        const second = await create(one);
        expect(second).toMatchObject({ id: one.id, phase: 'running', reach: first.reach });
        expect([...(await harness.leftovers())].sort()).toEqual([...left].sort());
      });

      it('leaves nothing behind when it fails', async (context) => {
        await rejection(create(record(context, { does: 'fail' })));
        expect(await harness.leftovers()).toEqual([]);
      });

      it('creates nothing when its signal has already aborted', async (context) => {
        const fault = await rejection(create(record(context, STAY), AbortSignal.abort()));
        expect(fault.kind).toBe('cancelled');
        expect(await harness.leftovers()).toEqual([]);
      });

      it('leaves nothing behind when it is aborted, whatever the moment', async (context) => {
        const began = clock.now();
        await create(record(context, STAY));
        const usualMs = clock.now() - began;
        await harness.driver.destroy((made.at(-1) as SandboxRecord).id, signal);
        const rounds = options.abortRounds ?? 8;
        for (let round = 0; round < rounds; round += 1) {
          const abort = new AbortController();
          const one = record(context, STAY);
          const creating = create(one, abort.signal).then(
            () => 'created' as const,
            (error: unknown) => error,
          );
          await sleep(clock, (usualMs * round) / rounds, signal);
          abort.abort();
          const outcome = await creating;
          if (outcome === 'created') await harness.driver.destroy(one.id, signal);
          else expect(isFault(outcome, 'cancelled'), String(outcome)).toBe(true);
          expect(await harness.leftovers(), `aborted in round ${round}`).toEqual([]);
        }
      });

      it('makes many at once, each with an address of its own', async (context) => {
        const all = Array.from({ length: 8 }, () => record(context, STAY));
        const seen = await Promise.all(all.map((one) => create(one)));
        expect(seen.map((one) => one.phase)).toEqual(all.map(() => 'running'));
        const mapped = seen.flatMap((one) =>
          one.reach.kind === 'mapped' ? Object.values(one.reach.ports) : [],
        );
        expect(new Set(mapped).size).toBe(mapped.length);
      });

      it('reports its progress in the order of the steps', async (context) => {
        const order: readonly Progress['step'][] = ['image', 'create', 'start', 'agent'];
        const steps: number[] = [];
        await harness.driver.create(
          record(context, STAY),
          (progress) => steps.push(order.indexOf(progress.step)),
          signal,
        );
        expect(steps).toEqual([...steps].sort((a, b) => a - b));
        expect(steps).not.toContain(-1);
      });
    });

    describe('destroy', () => {
      it('succeeds when nothing is there, and says so', async (context) => {
        expect(await harness.driver.destroy(record(context, STAY).id, signal)).toBe('absent');
      });

      it('removes everything, also when several ask at once and when repeated', async (context) => {
        const one = record(context, STAY);
        await create(one);
        const removals = await Promise.all([1, 2, 3, 4].map(() => harness.driver.destroy(one.id, signal)));
        expect(removals).toContain('removed');
        expect(await harness.driver.inspect(one.id, signal)).toBeUndefined();
        expect(await harness.leftovers()).toEqual([]);
        expect(await harness.driver.destroy(one.id, signal)).toBe('absent');
      });

      it('removes a sandbox that has exited', async (context) => {
        const one = record(context, { does: 'exit', code: 0 });
        await create(one);
        await inspectUntil(one, 'exited');
        await harness.driver.destroy(one.id, signal);
        expect(await harness.leftovers()).toEqual([]);
      });

      it('leaves nothing when it follows a create that was cut short', async (context) => {
        const one = record(context, STAY);
        const abort = new AbortController();
        const creating = create(one, abort.signal).catch(() => undefined);
        await sleep(clock, 5, signal);
        abort.abort();
        await creating;
        await harness.driver.destroy(one.id, signal);
        expect(await harness.driver.inspect(one.id, signal)).toBeUndefined();
        expect(await harness.leftovers()).toEqual([]);
      });

      it('removes what an outsider left of a sandbox', async (context) => {
        const one = record(context, STAY);
        await create(one);
        await harness.outsider.remove(one.id);
        await harness.driver.destroy(one.id, signal);
        expect(await harness.leftovers()).toEqual([]);
      });
    });

    describe('inspect', () => {
      it('says undefined of what is not there', async (context) => {
        expect(await harness.driver.inspect(record(context, STAY).id, signal)).toBeUndefined();
      });

      it.for([0, 3])('tells the exit code %i and when it happened', async (code, context) => {
        const one = record(context, { does: 'exit', code });
        await create(one);
        const seen = await inspectUntil(one, 'exited');
        expect(seen).toMatchObject({ exitCode: code, oomKilled: false });
        expect(seen.finishedAt).toBeGreaterThan(one.createdAt - 5000);
      });

      it('tells that memory ran out', async (context) => {
        const one = record(context, { does: 'run-out-of-memory' });
        await create(one);
        const seen = await inspectUntil(one, 'exited');
        expect(seen.oomKilled).toBe(options.tellsOutOfMemory ?? true);
        expect(seen.exitCode).not.toBe(0);
      });

      it('tells the same address as create did', async (context) => {
        const one = record(context, STAY);
        const created = await create(one);
        expect((await harness.driver.inspect(one.id, signal))?.reach).toEqual(created.reach);
      });

      it('carries a claim that a server without a record can adopt', async (context) => {
        const createdAt = Math.floor(clock.now() / 1000) * 1000;
        const expiresAt = createdAt + 3_600_000;
        const metadata = { team: 'infra', 'example.com/role': 'conformance' };
        const one = record(context, STAY, { createdAt, expiresAt, metadata });
        await create(one);
        const claim = (await harness.driver.inspect(one.id, signal))?.claim;
        expect(claim).toMatchObject({ metadata, expiresAt });
        expect(Math.abs((claim?.createdAt ?? 0) - createdAt)).toBeLessThan(patienceMs);
        expect(claim?.spec.source.kind).toBe(one.spec.source.kind);
        expect(claim?.spec.entrypoint).toEqual(one.spec.entrypoint);
      });

      it('carries a claim without a deadline for manual cleanup', async (context) => {
        const one = record(context, STAY, { expiresAt: undefined });
        await create(one);
        const claim = (await harness.driver.inspect(one.id, signal))?.claim;
        expect(claim).toBeDefined();
        expect(claim?.expiresAt).toBeUndefined();
      });
    });

    describe('observe', () => {
      it('starts with a full snapshot', async (context) => {
        const one = record(context, STAY);
        await create(one);
        const news = watch();
        await news.until('a first event', () => true);
        expect(news.events[0]?.type).toBe('snapshot');
        const first = news.events[0];
        expect(first !== undefined && shows(one.id, (seen) => seen.phase === 'running')(first)).toBe(true);
      });

      it('tells of a sandbox that is created later', async (context) => {
        const news = watch();
        await news.until('a first event', () => true);
        const one = record(context, STAY);
        await create(one);
        await news.until(
          'running',
          shows(one.id, (seen) => seen.phase === 'running'),
        );
      });

      it('tells that a sandbox ended by itself, with its code', async (context) => {
        const news = watch();
        await news.until('a first event', () => true);
        const one = record(context, { does: 'exit', code: 3 });
        await create(one);
        const ended = shows(one.id, (seen) => seen.phase === 'exited' && seen.exitCode === 3);
        await news.until('exited with 3', ended);
      });

      it('tells that an outsider killed a sandbox', async (context) => {
        const one = record(context, STAY);
        await create(one);
        const news = watch();
        await news.until('a first event', () => true);
        await harness.outsider.kill(one.id);
        await news.until(
          'exited',
          shows(one.id, (seen) => seen.phase === 'exited'),
        );
      });

      it('tells that an outsider removed a sandbox', async (context) => {
        const one = record(context, STAY);
        const created = await create(one);
        const news = watch();
        await news.until('a first event', () => true);
        await harness.outsider.remove(one.id);
        await news.until('gone', showsGone(one.id, created.readAt));
      });

      it('tells that destroy removed a sandbox', async (context) => {
        const one = record(context, STAY);
        const created = await create(one);
        const news = watch();
        await news.until(
          'running',
          shows(one.id, (seen) => seen.phase === 'running'),
        );
        await harness.driver.destroy(one.id, signal);
        await news.until('gone', showsGone(one.id, created.readAt));
      });

      it('ends soon after its signal aborts', async () => {
        const news = watch();
        await news.until('a first event', () => true);
        await news.stop();
      });

      it('serves several listeners', async (context) => {
        const [a, b] = [watch(), watch()];
        const one = record(context, STAY);
        await create(one);
        await a.until(
          'running',
          shows(one.id, (seen) => seen.phase === 'running'),
        );
        await b.until(
          'running',
          shows(one.id, (seen) => seen.phase === 'running'),
        );
      });

      const ifRestarts = options.restartsEngine === false ? () => undefined : it;
      ifRestarts('finds every sandbox again after the engine was restarted', async (context: TestContext) => {
        const restart = harness.outsider.restartEngine;
        if (restart === undefined) throw new Error(`${name}'s harness cannot restart its engine`);
        const one = record(context, STAY);
        await create(one);
        const before = watch();
        await before.until('a first event', () => true);
        await restart();
        await before.stop();
        const after = watch();
        await after.until(
          'a snapshot with it',
          shows(one.id, () => true),
        );
        const seen = await harness.driver.inspect(one.id, signal);
        if (seen?.phase === 'running') expect(seen.reach.kind).not.toBe('none');
      });
    });

    describe('pausing', () => {
      function facet(context: TestContext) {
        const { pausing } = harness.driver;
        if (pausing === undefined) return context.skip(`${name} does not pause`);
        return pausing;
      }

      it('freezes and thaws, and keeps the address', async (context) => {
        const pausing = facet(context);
        const one = record(context, STAY);
        const created = await create(one);
        expect(await pausing.pause(one.id, signal)).toMatchObject({ id: one.id, phase: 'paused' });
        expect((await harness.driver.inspect(one.id, signal))?.phase).toBe('paused');
        const resumed = await pausing.resume(one.id, signal);
        expect(resumed).toMatchObject({ id: one.id, phase: 'running', reach: created.reach });
      });

      it('refuses to pause twice', async (context) => {
        const pausing = facet(context);
        const one = record(context, STAY);
        await create(one);
        await pausing.pause(one.id, signal);
        const fault = await rejection(pausing.pause(one.id, signal));
        expect(fault).toMatchObject({ kind: 'conflict', code: 'sandbox.not_running' });
      });

      it('refuses to pause what has exited', async (context) => {
        const pausing = facet(context);
        const one = record(context, { does: 'exit', code: 0 });
        await create(one);
        await inspectUntil(one, 'exited');
        const fault = await rejection(pausing.pause(one.id, signal));
        expect(fault).toMatchObject({ kind: 'conflict', code: 'sandbox.not_running' });
      });

      it('refuses to resume what is not paused', async (context) => {
        const pausing = facet(context);
        const one = record(context, STAY);
        await create(one);
        const fault = await rejection(pausing.resume(one.id, signal));
        expect(fault).toMatchObject({ kind: 'conflict', code: 'sandbox.not_paused' });
      });

      it('says not found of what is not there', async (context) => {
        const pausing = facet(context);
        const { id } = record(context, STAY);
        expect((await rejection(pausing.pause(id, signal))).kind).toBe('not_found');
        expect((await rejection(pausing.resume(id, signal))).kind).toBe('not_found');
      });

      it('destroys a paused sandbox', async (context) => {
        const pausing = facet(context);
        const one = record(context, STAY);
        await create(one);
        await pausing.pause(one.id, signal);
        await harness.driver.destroy(one.id, signal);
        expect(await harness.leftovers()).toEqual([]);
      });

      it('tells what an outsider paused and thawed', async (context) => {
        facet(context);
        const { pause, unpause } = harness.outsider;
        if (pause === undefined || unpause === undefined) {
          return context.skip(`${name}'s harness cannot pause from outside`);
        }
        const one = record(context, STAY);
        await create(one);
        const news = watch();
        await news.until('a first event', () => true);
        await pause(one.id);
        const paused = await news.until(
          'paused',
          shows(one.id, (seen) => seen.phase === 'paused'),
        );
        await unpause(one.id);
        const seenBefore = news.events.indexOf(paused);
        const thawed = shows(one.id, (seen) => seen.phase === 'running');
        await news.until(
          'running again',
          (event) => news.events.indexOf(event) > seenBefore && thawed(event),
        );
      });
    });
  });
}
