import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createAgentProbe } from './agent-probe.ts';
import { createSandboxWays, publishedAgent } from './sandbox-ways.ts';
import type { AskAgent } from './sandbox-ways.ts';

const REACH = { kind: 'mapped', host: '127.0.0.1', ports: { 44772: 50001 }, privateHost: undefined } as const;
const forever = new AbortController().signal;

function probeWith(ask: AskAgent, timeoutMs = 60_000) {
  const clock = new FakeClock();
  const ways = createSandboxWays({ clock, ask, isNeighbour: () => false });
  return { clock, probe: createAgentProbe({ clock, timeoutMs, ways }) };
}

describe('agent probe', () => {
  it('asks the mapped port and is done with the first answer', async () => {
    const asked: string[] = [];
    const { probe } = probeWith(async (host, port) => {
      asked.push(`${host}:${port}`);
      return true;
    });
    await probe.waitReady(REACH, forever);
    expect(asked).toEqual(['127.0.0.1:50001']);
  });

  it('asks often at first and ever less often later', async () => {
    const times: number[] = [];
    const { clock, probe } = probeWith(async () => {
      times.push(clock.now());
      return times.length === 30;
    });
    const ready = probe.waitReady(REACH, forever);
    await clock.advance(60_000);
    await ready;
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    expect(Math.max(...gaps.slice(0, 10))).toBeLessThanOrEqual(25);
    expect(gaps.at(-1)).toBe(250);
    expect(gaps).toEqual([...gaps].sort((a, b) => a - b));
  });

  it('gives up with a timeout when no agent ever answers', async () => {
    const { clock, probe } = probeWith(async () => false, 3_000);
    const ready = probe.waitReady(REACH, forever);
    const outcome = expect(ready).rejects.toMatchObject({ kind: 'timeout', code: 'agent.not_ready' });
    await clock.advance(3_000);
    await outcome;
  });

  it('stops asking when the caller goes away', async () => {
    let asked = 0;
    const caller = new AbortController();
    const { clock, probe } = probeWith(async () => {
      asked += 1;
      return false;
    });
    const ready = probe.waitReady(REACH, caller.signal);
    const outcome = expect(ready).rejects.toMatchObject({ kind: 'cancelled' });
    await clock.advance(100);
    caller.abort();
    await outcome;
    const before = asked;
    await clock.advance(10_000);
    expect(asked).toBe(before);
  });

  it('gives up a question that hangs and asks again', async () => {
    let asked = 0;
    const { clock, probe } = probeWith((_host, _port, signal) => {
      asked += 1;
      if (asked === 2) return Promise.resolve(true);
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(false)));
    });
    const ready = probe.waitReady(REACH, forever);
    await clock.advance(2_500);
    await ready;
    expect(asked).toBe(2);
  });
});

describe('publishedAgent', () => {
  it.each([
    [{ kind: 'host', host: '10.0.0.1' }, '10.0.0.1', 44772],
    [{ kind: 'direct', host: '10.2.0.1' }, '10.2.0.1', 44772],
    [REACH, '127.0.0.1', 50001],
  ] as const)('of %j is %s:%i', (reach, host, port) => {
    expect(publishedAgent(reach)).toEqual({ host, port });
  });

  it.each([{ kind: 'none' }, { ...REACH, ports: {} }] as const)('is refused for %j', (reach) => {
    expect(() => publishedAgent(reach)).toThrow(/no address/);
  });
});
