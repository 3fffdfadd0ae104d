/**
 * Loaded into a program before it starts: at SIGUSR2 it collects garbage and writes down what is left, in the file
 * that HEAP_PROBE_FILE names.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

/** What a program holds once its garbage is gone. */
export interface HeapReading {
  readonly heapBytes: number;
  /** Buffers and what else lives outside of the heap. */
  readonly externalBytes: number;
  /** Handles and requests of the event loop, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

const file = process.env['HEAP_PROBE_FILE'];
if (isMainThread && file !== undefined) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  process.on('SIGUSR2', () => {
    for (let round = 0; round < 3; round += 1) collect();
    const { heapUsed, external } = process.memoryUsage();
    const resources: Record<string, number> = {};
    for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
    const reading: HeapReading = { heapBytes: heapUsed, externalBytes: external, resources };
    writeFileSync(`${file}.new`, JSON.stringify(reading));
    renameSync(`${file}.new`, file);
  });
}
