import { setTimeout as pause } from 'node:timers/promises';

/** Asks until the answer is truthy; fails with `what` after `timeoutMs`. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | undefined | false>,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await pause(50);
  }
}

/** Reads a number until it is the same for two seconds, and answers it. */
export async function standsStill(timeoutMs: number, read: () => Promise<number>): Promise<number> {
  const end = Date.now() + timeoutMs;
  let [last, since] = [await read(), Date.now()];
  while (Date.now() < since + 2000) {
    await pause(100);
    const next = await read();
    if (next !== last) [last, since] = [next, Date.now()];
    if (Date.now() > end) throw new Error(`still changing after ${timeoutMs} ms: ${last}`);
  }
  return last;
}
