import { closeSync } from 'node:fs';
import type { PipeSystem } from '@opensandbox/process';
import type { BunRuntime } from './bun-runtime.ts';
import { memoryRelief } from './files/memory-relief.ts';
import { callLibc, cString } from './libc.ts';

const OWNER_ONLY = 0o600;

/** Pipes as this runtime reads them: woken by the system, without a thread and without looking again and again. */
export function bunPipes(bun: BunRuntime): PipeSystem {
  const relieve = memoryRelief();
  return {
    makeFifo: (path) => void callLibc('mkfifo', cString(path), OWNER_ONLY),
    async *read(fd) {
      try {
        const reader = bun.file(fd).stream().getReader();
        for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
          relieve(piece.value.length / 2); // the runtime knows the size of these, but is in no hurry
          yield piece.value;
        }
      } finally {
        closeSync(fd);
      }
    },
  };
}
