import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle } from './bundle.ts';
import type { HeapReading } from './services/heap-probe.ts';
import { until } from './wait.ts';

/** Reads the heap of one Node program, garbage excluded. */
export interface HeapProbe {
  /** What the program has to be started with. */
  readonly env: Readonly<Record<string, string>>;
  read(pid: number): Promise<HeapReading>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openHeapProbe(): Promise<HeapProbe> {
  const directory = await mkdtemp(join(tmpdir(), 'opensandbox-heap-'));
  const program = await bundle('heap-probe', directory);
  const file = join(directory, 'reading.json');
  return {
    env: { NODE_OPTIONS: `--import=${pathToFileURL(program).href}`, HEAP_PROBE_FILE: file },
    async read(pid) {
      await rm(file, { force: true });
      process.kill(pid, 'SIGUSR2');
      await until('a reading of the heap', 30_000, async () => existsSync(file));
      return JSON.parse(await readFile(file, 'utf8')) as HeapReading;
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
