import { openScope, silentLogger } from '@opensandbox/base';
import { FakeClock, newSandboxId, settle } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CaptureProgress } from '../ports/snapshots.ts';
import type { SandboxId } from '../sandbox.ts';
import type { CaptureQueue } from './capture-queue.ts';
import { openCaptureQueue } from './capture-queue.ts';

const [A, B, C] = [newSandboxId(), newSandboxId(), newSandboxId()];
const MANY = Array.from({ length: 100 }, (_, index) => [`many-${index}`, newSandboxId()] as const);

describe('the queue of captures', () => {
  let clock: FakeClock;
  let scope: ReturnType<typeof openScope>;
  let queue: CaptureQueue;
  let finish: Map<string, () => void>;
  let tell: Map<string, (progress: CaptureProgress) => void>;

  beforeEach(() => {
    clock = new FakeClock();
    scope = openScope(silentLogger);
    finish = new Map();
    tell = new Map();
    queue = openCaptureQueue(
      {
        clock,
        workers: 2,
        run: ({ snapshotId }, report) => {
          tell.set(snapshotId, report);
          return new Promise((resolve) => finish.set(snapshotId, resolve));
        },
      },
      scope,
    );
  });

  afterEach(async () => {
    for (const end of finish.values()) end();
    await scope[Symbol.asyncDispose]();
  });

  function add(...wishes: readonly (readonly [snapshotId: string, sandboxId: SandboxId])[]): void {
    for (const [snapshotId, sandboxId] of wishes) queue.add({ snapshotId, sandboxId });
  }

  async function end(snapshotId: string): Promise<void> {
    finish.get(snapshotId)?.();
    await settle();
  }

  const begun = (): string => [...finish.keys()].join(' ');

  it('runs two at a time, in the order they came', async () => {
    add(['1', A], ['2', B], ['3', C]);
    expect(begun()).toBe('1 2');
    await end('2');
    expect(begun()).toBe('1 2 3');
    expect(queue.has('2')).toBe(false);
    expect(queue.length).toBe(2);
  });

  it('captures one sandbox once at a time, and lets others go before', async () => {
    add(['1', A], ['2', A], ['3', B]);
    expect(begun()).toBe('1 3');
    await end('3');
    expect(begun()).toBe('1 3');
    await end('1');
    expect(begun()).toBe('1 3 2');
  });

  it('knows which sandboxes are being captured, and which are only waiting', () => {
    add(['1', A], ['2', B], ['3', C]);
    expect([A, B, C].map((id) => queue.isCapturing(id))).toEqual([true, true, false]);
    expect(queue.isWanted(C)).toBe(true);
    expect(queue.isWanted(newSandboxId())).toBe(false);
  });

  it('tells how many are before one that waits, and how far one is that runs', async () => {
    add(['1', A], ['2', A], ['3', A]);
    expect(queue.note('2')).toBe('Waiting for its turn: 1 snapshot is before it.');
    expect(queue.note('3')).toBe('Waiting for its turn: 2 snapshots are before it.');
    expect(queue.note('1')).toBeUndefined();
    await clock.advance(12_400);
    tell.get('1')?.({ message: 'Committing', bytes: undefined });
    expect(queue.note('1')).toBe('Committing: 12 s so far.');
    tell.get('1')?.({ message: 'Committing', bytes: 1_234_567_890 });
    expect(queue.note('1')).toBe('Committing: 12 s so far, 1.2 GB to keep.');
    expect(queue.note('nobody')).toBeUndefined();
  });

  it('begins nothing any more when the server ends', async () => {
    add(['1', A], ['2', B], ...MANY);
    const closing = scope[Symbol.asyncDispose]();
    await end('1');
    await end('2');
    await closing;
    expect(begun()).toBe('1 2');
  });
});
