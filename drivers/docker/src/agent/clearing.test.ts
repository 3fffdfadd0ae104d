import { captureLog, FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { MemoryAgentEngine } from '../../test/memory-agent-engine.ts';
import {
  CARRIER_LOOK_MS,
  clearForeignCarriers,
  clearOldVolumes,
  clearOwnCarriers,
  VOLUME_AGE_MS,
} from './clearing.ts';

const { signal } = new AbortController();

function setUp(instance: string | undefined) {
  const memory = new MemoryAgentEngine();
  const clock = new FakeClock();
  const log = captureLog();
  const context = { engine: memory.engine, clock, log, instance, owner: 'me' };
  const carrier = (ofInstance: string | undefined, owner: string): string =>
    memory.addContainer({
      name: `carrier-${memory.containers.size}`,
      volume: 'v',
      labels: {
        'opensandbox.io/carrier-owner': owner,
        ...(ofInstance === undefined ? {} : { 'opensandbox.io/carrier-instance': ofInstance }),
      },
    }).id;
  const left = (): string[] => [...memory.containers.keys()];
  return { memory, clock, log, context, carrier, left };
}

describe('clearOwnCarriers', () => {
  it('removes what earlier runs of the same server left, and nothing else', async () => {
    const test = setUp('mine');
    test.carrier('mine', 'earlier');
    const others = [test.carrier('other', 'x'), test.carrier('', 'y'), test.carrier('mine', 'me')];
    await clearOwnCarriers(test.context, signal);
    expect(test.left()).toEqual(others);
  });

  it('of a server without a name removes those without a name', async () => {
    const test = setUp(undefined);
    test.carrier('', 'earlier');
    test.carrier(undefined, 'older version');
    const other = test.carrier('other', 'x');
    await clearOwnCarriers(test.context, signal);
    expect(test.left()).toEqual([other]);
  });
});

describe('clearForeignCarriers', () => {
  it('removes those that it sees twice, looks again for those it saw once, then ends', async () => {
    const test = setUp('mine');
    test.carrier('other', 'x');
    const own = test.carrier('mine', 'me');
    const clearing = clearForeignCarriers(test.context, signal);
    await test.clock.advance(CARRIER_LOOK_MS / 2);
    const later = test.carrier('other', 'y');
    expect(test.left()).toHaveLength(3);
    await test.clock.advance(CARRIER_LOOK_MS / 2);
    expect(test.left()).toEqual([own, later]);
    await test.clock.advance(CARRIER_LOOK_MS);
    expect(test.left()).toEqual([own]);
    await clearing;
    expect(test.clock.pending).toHaveLength(0);
  });
});

describe('clearOldVolumes', () => {
  const rule = { isWanted: (name: string) => name === 'opensandbox-agent-current', ageMs: VOLUME_AGE_MS };
  const OLD = '2020-01-01T00:00:00Z';

  it('removes old ones that nobody uses', async () => {
    const test = setUp('mine');
    test.memory.addVolume('opensandbox-agent-old', {}, OLD);
    test.memory.addVolume('opensandbox-agent-current', {}, OLD);
    test.memory.addVolume('opensandbox-agent-used', {}, OLD);
    test.memory.addVolume('opensandbox-agent-undated', {}, '');
    test.memory.addVolume('somebody-elses', {}, OLD);
    test.memory.addContainer({ name: 'sandbox-1', volume: 'opensandbox-agent-used' });
    await clearOldVolumes(test.context, rule, signal);
    expect([...test.memory.volumes.keys()]).toEqual([
      'opensandbox-agent-current',
      'opensandbox-agent-used',
      'opensandbox-agent-undated',
      'somebody-elses',
    ]);
    expect(test.log.lines).toMatchObject([{ fields: { volume: 'opensandbox-agent-old' } }]);
  });

  it('dates them by the clock of the engine that made them', async () => {
    const test = setUp('mine');
    test.memory.systemTime = '2015-06-02T12:00:00Z'; // far behind ours
    test.memory.addVolume('opensandbox-agent-old', {}, '2015-06-01T11:59:59Z');
    test.memory.addVolume('opensandbox-agent-new', {}, '2015-06-01T12:00:01Z');
    await clearOldVolumes(test.context, rule, signal);
    expect([...test.memory.volumes.keys()]).toEqual(['opensandbox-agent-new']);
  });

  it('removes nothing when the engine does not tell its time', async () => {
    const test = setUp('mine');
    test.memory.addVolume('opensandbox-agent-old', {}, OLD);
    test.memory.systemTime = '';
    await clearOldVolumes(test.context, rule, signal);
    expect(test.memory.volumes.size).toBe(1);
  });
});
