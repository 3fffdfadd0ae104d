import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { reapOrphans } from './reap-orphans.ts';

describe('reapOrphans', () => {
  it('reaps what has stayed behind, and leaves to the runtime what it reaps by itself', async () => {
    const clock = new FakeClock(0);
    const stop = new AbortController();
    const reaped: number[] = [];
    let ended: number[] = [];
    const source = { endedChildren: () => ended, reap: (pid: number) => void reaped.push(pid) };
    const done = reapOrphans(source, clock, stop.signal).catch(() => undefined);
    ended = [7, 8];
    await clock.advance(2000);
    expect(reaped).toEqual([]);
    ended = [8, 9];
    await clock.advance(2000);
    expect(reaped).toEqual([8]);
    ended = [];
    await clock.advance(2000);
    ended = [9];
    await clock.advance(2000);
    expect(reaped).toEqual([8]);
    stop.abort();
    await done;
    expect(clock.pending).toEqual([]);
  });
});
