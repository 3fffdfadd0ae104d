import { createInterface } from 'node:readline/promises';
import type { Clock } from '@opensandbox/base';

const ANSWER_MS = 30_000;

/** Asks at the terminal in red; `undefined` when nobody answered in time, empty when the input ended (Ctrl-C). */
export async function askTerminal(clock: Clock, question: string): Promise<string | undefined> {
  const timeUp = new AbortController();
  const timer = clock.at(clock.now() + ANSWER_MS, () => timeUp.abort());
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new AbortController();
  terminal.once('close', () => ended.abort());
  try {
    return await terminal.question(`\u001b[31m${question}\u001b[0m`, {
      signal: AbortSignal.any([timeUp.signal, ended.signal]),
    });
  } catch {
    process.stderr.write('\n');
    return ended.signal.aborted ? '' : undefined; // the only failures are these two aborts
  } finally {
    timer[Symbol.dispose]();
    terminal.close();
  }
}
