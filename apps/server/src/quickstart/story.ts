import type { Clock } from '@opensandbox/base';
import type { Output } from '../cli/host.ts';

/** Tells each step and how long it took. Colours only on a terminal. */
export interface Story {
  step<T>(title: string, work: () => Promise<T>, result: (value: T) => string): Promise<T>;
  say(text: string): void;
  note(text: string): void;
}

export function openStory(out: Output, clock: Clock): Story {
  const paint = (code: string, text: string): string =>
    out.isTTY === true ? `\u001b[${code}m${text}\u001b[0m` : text;
  const note = (text: string): void => void out.write(`     ${paint('2', text)}\n`);
  return {
    note,
    say: (text) => void out.write(`${text}\n`),
    async step(title, work, result) {
      const startedAt = clock.now();
      const took = (): string => `${clock.now() - startedAt} ms`.padStart(9);
      try {
        const value = await work();
        out.write(`${paint('32', 'ok  ')}${took()}  ${title}: ${result(value)}\n`);
        return value;
      } catch (error) {
        out.write(`${paint('31', 'fail')}${took()}  ${title}\n`);
        throw error;
      }
    },
  };
}
