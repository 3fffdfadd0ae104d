import type { Reach } from '@opensandbox/core';
import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { judgePlace, judgePublicHost } from './check-place.ts';
import { checkReach, judgeReach } from './check-reach.ts';
import type { ReachReading } from './check-reach.ts';
import type { EngineAnswer } from './engine-http.ts';
import { buildListener, listenerTarget } from './listener.ts';
import type { Place } from './place.ts';
import { removeOldTrials } from './trial-container.ts';

const { signal } = new AbortController();
const HERE: Place = {
  isContained: false,
  farHost: undefined,
  engineHost: undefined,
  sharesHostNetwork: false,
  publishAddress: '127.0.0.1',
  dialHost: '127.0.0.1',
  publicHost: '127.0.0.1',
  isPublicHostSet: false,
  isNeighbour: () => false,
  readReach: () => ({ kind: 'none' }),
};
const CONTAINED: Place = {
  ...HERE,
  isContained: true,
  engineHost: { address: '172.18.0.1', source: 'gateway' },
  publishAddress: '0.0.0.0',
  dialHost: '172.18.0.1',
  publicHost: '172.18.0.1',
};
const FAR: Place = { ...HERE, farHost: '10.0.0.9', publishAddress: '0.0.0.0', dialHost: '10.0.0.9' };
const ENGINE = { name: 'unix:///x.sock', system: 'Debian GNU/Linux 12' };
const DESKTOP = { ...ENGINE, system: 'Docker Desktop' };

describe('the place of a server', () => {
  it.each<[Place, { name: string; system: string }, string, string]>([
    [HERE, ENGINE, 'ok', 'on this machine, beside the engine'],
    [HERE, DESKTOP, 'ok', "beside Docker Desktop's engine"],
    [FAR, ENGINE, 'ok', 'on another host: 10.0.0.9'],
    [CONTAINED, ENGINE, 'ok', 'the host is 172.18.0.1 (gateway)'],
    [CONTAINED, DESKTOP, 'warn', 'under Docker Desktop'],
    [{ ...CONTAINED, engineHost: undefined, sharesHostNetwork: true }, ENGINE, 'ok', 'in the network of'],
    [{ ...CONTAINED, engineHost: undefined }, ENGINE, 'fail', 'knows no way'],
  ])('%#: is told', (place, engine, status, words) => {
    const finding = judgePlace(place, engine);
    expect([finding.status, finding.message]).toEqual([status, expect.stringContaining(words)]);
    expect(finding.status === 'ok' || (finding.advice ?? '') !== '').toBe(true);
  });

  it('warns of an address that means nothing to clients elsewhere', () => {
    expect(judgePublicHost(CONTAINED)?.advice).toContain('server.eip');
    expect(judgePublicHost({ ...CONTAINED, isPublicHostSet: true })).toBeUndefined();
    expect(judgePublicHost(HERE)).toBeUndefined();
    expect(judgePublicHost(FAR)).toBeUndefined();
  });
});

describe('the reach of a container', () => {
  const at = (address: string, answered: boolean) => ({ address, answered });
  const none: ReachReading = { published: undefined, own: undefined, told: undefined };
  const published = at('172.18.0.1:1', true);
  const silent = at('172.18.0.1:1', false);

  it.each<[string, Partial<ReachReading>, Place, string, string]>([
    ['answered', { published }, HERE, 'ok', ''],
    ['answered everywhere', { published, own: at('a:2', true), told: at('b:3', true) }, CONTAINED, 'ok', ''],
    ['silent where clients are sent', { published, told: at('b:3', false) }, CONTAINED, 'warn', 'server.eip'],
    [
      'answered as a neighbour only',
      { published: silent, own: at('a:2', true) },
      CONTAINED,
      'warn',
      'host_ip',
    ],
    ['silent from a container', { published: silent }, CONTAINED, 'fail', 'docker.host_ip'],
    [
      'silent on the loopback of another host',
      { published: silent },
      { ...FAR, publishAddress: '127.0.0.1' },
      'fail',
      'docker.publish_address',
    ],
    ['silent on another host', { published: silent }, FAR, 'fail', 'firewall'],
    ['silent on this machine', { published: silent }, HERE, 'fail', 'docker.publish_address'],
    ['not published', {}, HERE, 'fail', 'network bridge'],
  ])('%s', (_, reading, place, ...expected) => {
    const [status, advice] = expected;
    const finding = judgeReach({ ...none, ...reading }, { place, networkMode: 'bridge' });
    expect(finding.status).toBe(status);
    expect(finding.advice ?? '').toContain(advice);
    for (const attempt of [reading.published, reading.own]) {
      if (attempt?.answered === true) expect(finding.message).toContain(attempt.address);
    }
  });
});

describe('the trial', () => {
  const reach: Reach = { kind: 'mapped', host: '127.0.0.1', ports: { 44772: 5 }, privateHost: undefined };

  async function examine(refuse: string | undefined, arch = 'x86_64') {
    const calls: string[] = [];
    const finding = await checkReach(
      {
        clock: new FakeClock(),
        networkMode: 'bridge',
        engine: { arch, os: 'linux', now: 0 },
        place: { ...HERE, readReach: () => reach },
        ask: async (host, port) => host === '127.0.0.1' && port === 5,
        send: async ({ method, path }): Promise<EngineAnswer> => {
          const what = `${method} ${path.replace(/opensandbox-doctor-[0-9a-f]+/g, 'NAME')}`;
          calls.push(what);
          return what === refuse ? { status: 500, body: { message: 'no' } } : { status: 200, body: [] };
        },
      },
      signal,
    );
    return { calls, finding };
  }
  const removals = ['DELETE /containers/NAME?force=1&v=1', 'DELETE /images/opensandbox-doctor:NAME?force=1'];

  it('says where a container answered, and removes it and its image', async () => {
    const { calls, finding } = await examine(undefined);
    expect(finding).toMatchObject({ status: 'ok', message: 'a container answered at 127.0.0.1:5' });
    expect(calls.slice(-2)).toEqual(removals);
  });

  it('removes what it made when the engine refuses to go on, and says why', async () => {
    const { calls, finding } = await examine('POST /containers/NAME/start');
    expect(finding).toMatchObject({ status: 'fail', message: expect.stringContaining('no') as unknown });
    expect(calls.slice(-2)).toEqual(removals);
  });

  it('says what it could not try', async () => {
    const { calls, finding } = await examine(undefined, 's390x');
    expect(finding.status).toBe('warn');
    expect(calls).toEqual([]);
  });
});

describe('the listener', () => {
  it.each([
    ['x86_64', 'x64'],
    ['aarch64', 'arm64'],
    ['amd64', 'x64'],
    ['riscv64', undefined],
  ])('of an engine on %s is %s', (arch, target) => {
    expect(listenerTarget(arch)).toBe(target);
  });

  it('carries its port in network order', () => {
    expect(buildListener('x64', 0x1234).includes(Buffer.from([2, 0, 0x12, 0x34, 0, 0]))).toBe(true);
  });
});

describe('what an earlier doctor left', () => {
  it('is removed once it is old, image and all', async () => {
    const calls: string[] = [];
    const found = [
      { Id: 'old', Image: 'opensandbox-doctor:a', Created: 1_000 },
      { Id: 'new', Image: 'opensandbox-doctor:b', Created: 1_900 },
      { Id: 'other', Image: 'sha256:1', Created: 1_000 },
    ];
    await removeOldTrials(
      async ({ method, path }) => {
        calls.push(`${method} ${path}`);
        return { status: 200, body: found };
      },
      2_000_000,
      signal,
    );
    expect(calls.slice(1)).toEqual([
      'DELETE /containers/old?force=1&v=1',
      'DELETE /images/opensandbox-doctor:a?force=1',
      'DELETE /containers/other?force=1&v=1',
    ]);
  });
});
