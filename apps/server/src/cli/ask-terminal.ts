import { createInterface } from 'node:readline/promises';
import type { Clock } from '@opensandbox/base';

const ANSWER_MS = 30_000;

/** Asks at the terminal in red; `undefined` when nobody answered in time or the input ended. */
export async function askTerminal(clock: Clock, question: string): Promise<string | undefined> {
  const timeUp = new AbortController();
  const timer = clock.at(clock.now() + ANSWER_MS, () => timeUp.abort());
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  terminal.once('close', () => timeUp.abort());
  try {
    return await terminal.question(`\u001b[31m${question}\u001b[0m`, { signal: timeUp.signal });
  } catch {
    process.stderr.write('\n');
    return undefined; // the only failure is the abort: time is up, or the input was closed
  } finally {
    timer[Symbol.dispose]();
    terminal.close();
  }
}
