import { Fault, silentLogger } from '@opensandbox/base';
import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { EngineInfo } from './engine/answers.ts';
import { createEngineFacts } from './engine-facts.ts';

const { signal } = new AbortController();
const away = new Fault('unavailable', 'engine.unavailable', 'away');

function withAnswers(...answers: readonly (EngineInfo | Fault | 'silence')[]) {
  const clock = new FakeClock();
  let asked = 0;
  const info = (given: AbortSignal): Promise<EngineInfo> => {
    const answer = answers[asked] ?? away;
    asked += 1;
    if (answer === 'silence') {
      return new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason as Error)));
    }
    return answer instanceof Fault ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return {
    clock,
    asked: () => asked,
    facts: createEngineFacts({ engine: { info }, clock, log: silentLogger }),
  };
}

describe('engine facts', () => {
  it('are asked for once in a while, and once for many', async () => {
    const { clock, facts, asked } = withAnswers({ NCPU: 2 }, { NCPU: 4 });
    const first = await Promise.all([facts.get(signal), facts.get(signal)]);
    expect(first).toEqual([{ NCPU: 2 }, { NCPU: 2 }]);
    expect(asked()).toBe(1);
    await clock.advance(60_000);
    expect(await facts.get(signal)).toEqual({ NCPU: 4 });
  });

  it('are what was last known when the engine is away', async () => {
    const { clock, facts } = withAnswers({ NCPU: 2 });
    await facts.get(signal);
    await clock.advance(60_000);
    expect(await facts.get(signal)).toEqual({ NCPU: 2 });
  });

  it('are unknown rather than waited for when the engine says nothing', async () => {
    const { clock, facts } = withAnswers('silence');
    const asking = facts.get(signal);
    await clock.advance(2_000);
    expect(await asking).toBeUndefined();
  });
});
