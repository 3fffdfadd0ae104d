import { setTimeout as pause } from 'node:timers/promises';
import { ALLOWED, type Allowed } from './allowed.ts';
import { differences } from './compare.ts';
import { readEngine } from './engine-things.ts';
import { readHost } from './host-things.ts';
import { type Family, readProcesses } from './process-things.ts';
import type { Things } from './thing.ts';

export interface LeakWatchOptions {
  readonly socket: string;
  readonly family: Family;
  /** How long what is on its way out may take. */
  readonly patienceMs: number;
  readonly allowed?: readonly Allowed[];
}

/** Remembers what stood at one moment. */
export interface LeakWatch {
  /** Waits until nothing more stands; fails with a line for every difference. */
  readonly assertNothingLeft: () => Promise<void>;
}

const LOOK_MS = 100;

export async function openLeakWatch(options: LeakWatchOptions): Promise<LeakWatch> {
  const { socket, family, patienceMs, allowed = ALLOWED } = options;
  const read = async (): Promise<Things> =>
    (await Promise.all([readEngine(socket), readHost(), readProcesses(family)])).flat();
  const before = await read();
  return {
    async assertNothingLeft() {
      const end = performance.now() + patienceMs;
      for (;;) {
        const found = differences(before, await read(), allowed);
        if (found.length === 0) return;
        if (performance.now() > end) throw new Error(report(found));
        await pause(LOOK_MS);
      }
    },
  };
}

function report(found: readonly string[]): string {
  return `what stands is not what stood before:\n${found.map((line) => `  ${line}`).join('\n')}`;
}
