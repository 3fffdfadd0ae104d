import { describe, expect, it } from 'vitest';
import { Fault } from '@opensandbox/base';
import type { EngineInfo } from '../engine/answers.ts';
import { createDefaultRegistry } from './default-registry.ts';

const { signal } = new AbortController();
const ADDRESS = 'https://index.registry.example/v1/';

function asked(...answers: readonly (EngineInfo | Fault)[]) {
  let calls = 0;
  const ask = createDefaultRegistry({
    info: async () => {
      const answer = answers[calls] ?? {};
      calls += 1;
      if (answer instanceof Fault) throw answer;
      return answer;
    },
  });
  return { ask, calls: () => calls };
}

describe('the default registry', () => {
  it('is asked for once, however many want to know', async () => {
    const { ask, calls } = asked({ IndexServerAddress: ADDRESS });
    expect(await Promise.all([ask(signal), ask(signal)])).toEqual([ADDRESS, ADDRESS]);
    expect(await ask(signal)).toBe(ADDRESS);
    expect(calls()).toBe(1);
  });

  it.each([[{}], [{ IndexServerAddress: '' }]])('is unknown when the engine answers %j', async (info) => {
    const { ask, calls } = asked(info);
    expect(await ask(signal)).toBeUndefined();
    expect(await ask(signal)).toBeUndefined();
    expect(calls()).toBe(1);
  });

  it('is unknown while the engine refuses to tell', async () => {
    const refused = new Fault('forbidden', 'engine.failed', 'no');
    const { ask } = asked(refused, { IndexServerAddress: ADDRESS });
    expect(await ask(signal)).toBeUndefined();
    expect(await ask(signal)).toBe(ADDRESS);
  });

  it('is asked for again after the engine did not answer', async () => {
    const away = new Fault('unavailable', 'engine.unavailable', 'away');
    const { ask } = asked(away, { IndexServerAddress: ADDRESS });
    await expect(ask(signal)).rejects.toBe(away);
    expect(await ask(signal)).toBe(ADDRESS);
  });
});
