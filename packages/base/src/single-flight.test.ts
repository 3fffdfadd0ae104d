import { settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createSingleFlight } from './single-flight.ts';

const never = new AbortController().signal;

describe('SingleFlight', () => {
  it('does the work once for all who ask meanwhile, and anew for those who ask later', async () => {
    const flights = createSingleFlight<string, number>();
    let runs = 0;
    const work = async (): Promise<number> => {
      await settle(1);
      runs += 1;
      return runs;
    };
    expect(await Promise.all([1, 2, 3].map(() => flights.run('k', work, never)))).toEqual([1, 1, 1]);
    expect(await flights.run('k', work, never)).toBe(2);
  });

  it('fails for all alike, and forgets the failure', async () => {
    const flights = createSingleFlight<string, number>();
    const failing = (): Promise<number> => Promise.reject(new Error('broken'));
    const both = await Promise.allSettled([1, 2].map(() => flights.run('k', failing, never)));
    expect(both.map((one) => one.status)).toEqual(['rejected', 'rejected']);
    expect(await flights.run('k', async () => 5, never)).toBe(5);
  });

  it('aborts the work only when the last caller has left', async () => {
    const flights = createSingleFlight<string, void>();
    const [first, second] = [new AbortController(), new AbortController()];
    let inner: AbortSignal | undefined;
    const work = (signal: AbortSignal): Promise<void> => {
      inner = signal;
      return new Promise(() => undefined);
    };
    const waiting = [first, second].map(({ signal }) =>
      flights.run('k', work, signal).catch(() => undefined),
    );
    first.abort();
    await settle();
    expect(inner?.aborted).toBe(false);
    second.abort();
    await Promise.all(waiting);
    expect(inner?.aborted).toBe(true);
  });
});
