import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Clock } from '@opensandbox/base';
import { Fault } from '@opensandbox/base';
import type { Writer, WriterAnswer, WriterRequest } from './write-protocol.ts';
import { openSnapshotTable, openWriterTable, runWriter } from './writer-thread.ts';

/** A thread that hangs in the disk must not keep the server from stopping. */
const CLOSE_WAIT_MS = 2000;
/** `__name` is what development tools call around every function. */
const SOURCE =
  'const __name = (value) => value;' +
  `(${runWriter.toString()})({ require, ...require('node:worker_threads') }, ` +
  `{ open: ${openWriterTable.toString()}, openSnapshots: ${openSnapshotTable.toString()} });`;

export interface WriterOptions {
  readonly path: string;
  readonly busyMs: number;
  readonly clock: Clock;
}

/** Opens the file in a thread of its own: locks and disks are waited for there, never on the event loop. */
export async function openWriter({ path, busyMs, clock }: WriterOptions): Promise<Writer> {
  const modulePath = createRequire(import.meta.url).resolve('better-sqlite3');
  const thread = new Worker(SOURCE, {
    eval: true,
    execArgv: [],
    env: {},
    workerData: { path, busyMs, modulePath },
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
  const exited = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  const ask = questions(thread);
  await ask(undefined);
  return {
    async write(ops) {
      const answer = await ask({ kind: 'write', ops });
      return answer.kind === 'conflict' ? answer.conflict : undefined;
    },
    async close() {
      thread.postMessage({ kind: 'close' } satisfies WriterRequest);
      const isClosed = await within(CLOSE_WAIT_MS, exited, clock);
      if (isClosed) return;
      thread.unref();
      void thread.terminate();
    },
  };
}

/** One question at a time: the next answer belongs to it. Without a request it waits for the opening. */
function questions(thread: Worker) {
  let pending: Question | undefined;
  let end: Error | undefined;
  thread.on('message', (answer: WriterAnswer) => {
    if (answer.kind !== 'failed') pending?.resolve(answer);
    else pending?.reject(Object.assign(new Error(answer.message), { code: answer.code }));
  });
  const fail = (cause: unknown): void => {
    const message = 'The writer of the store has ended. Restart the server.';
    end ??= new Fault('unavailable', 'store.failed', message, { cause });
    pending?.reject(end);
  };
  thread.on('error', fail);
  thread.on('exit', (code) => fail(new Error(`exit code ${code}`)));
  return (request: WriterRequest | undefined): Promise<WriterAnswer> =>
    new Promise((resolve, reject) => {
      pending = { resolve, reject };
      if (end !== undefined) reject(end);
      else if (request !== undefined) thread.postMessage(request);
    });
}

interface Question {
  readonly resolve: (answer: WriterAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** Whether `work` ended within the time. */
export function within(ms: number, work: Promise<unknown>, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.at(clock.now() + ms, () => resolve(false));
    const done = (): void => {
      timer[Symbol.dispose]();
      resolve(true);
    };
    work.then(done, done);
  });
}

/** A writer for several stores: it takes one transaction at a time, they need not know of each other. */
export function shareWriter(writer: Writer): Writer {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    write(ops) {
      const written = tail.then(() => writer.write(ops));
      tail = written.catch(() => undefined);
      return written;
    },
    close: () => writer.close(),
  };
}
