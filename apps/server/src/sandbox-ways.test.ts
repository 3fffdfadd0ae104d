import type { Reach } from '@opensandbox/core';
import { FakeClock, settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createSandboxWays } from './sandbox-ways.ts';

const { signal } = new AbortController();
const PUBLISHED = '172.18.0.1:50001';
const OWN = '172.17.0.5:44772';
const MAPPED = {
  kind: 'mapped',
  host: '172.18.0.1',
  ports: { 44772: 50001, 8080: 50002, 8006: 50003 },
  privateHost: '172.17.0.5',
} as const satisfies Reach;

function openWays(open: readonly string[], isNeighbour = true) {
  const asked: string[] = [];
  const clock = new FakeClock();
  const works = new Set(open);
  const ways = createSandboxWays({
    clock,
    isNeighbour: () => isNeighbour,
    ask: (host, port, asking) => {
      asked.push(`${host}:${port}`);
      if (works.has(`${host}:${port}`)) return Promise.resolve(true);
      return new Promise((resolve) => {
        if (works.has('refusals')) resolve(false);
        asking.addEventListener('abort', () => resolve(false));
      });
    },
  });
  const to = async (port: number, pathPrefix: string): Promise<string> => {
    const way = await ways.to({ reach: MAPPED, port, pathPrefix }, signal);
    return `${way.host}:${way.port}`;
  };
  return { ways, asked, works, clock, to };
}

describe('the ways to a sandbox', () => {
  it.each([
    [[PUBLISHED], PUBLISHED, '172.18.0.1:50002'],
    [[OWN], OWN, '172.17.0.5:8080'],
  ])('lead to where its agent answered: %j', async (open, agent, http) => {
    const { ways, to } = openWays(open);
    expect(await ways.ask(MAPPED, signal)).toBe(true);
    expect(await to(50001, '/proxy/3000')).toBe(agent);
    expect(await to(50002, '')).toBe(http);
  });

  it('lead to the port that was asked for when it is published by itself', async () => {
    const { to } = openWays([OWN]);
    expect(await to(50003, '')).toBe('172.17.0.5:8006');
  });

  it('are found out by the first request after a start, once', async () => {
    const { asked, to } = openWays([OWN]);
    expect(await to(50001, '/proxy/3000')).toBe(OWN);
    expect(await to(50001, '/proxy/3000')).toBe(OWN);
    expect(asked).toEqual([PUBLISHED, OWN]);
  });

  it('are found out anew when nothing was there', async () => {
    const { ways, works, to } = openWays([OWN, 'refusals']);
    expect(await to(50001, '/proxy/3000')).toBe(OWN);
    works.delete(OWN);
    works.add(PUBLISHED);
    expect(await to(50001, '/proxy/3000')).toBe(OWN);
    ways.doubt();
    expect(await to(50001, '/proxy/3000')).toBe(PUBLISHED);
  });

  it('are both asked again when the known one has been silent for long', async () => {
    const { ways, works } = openWays([OWN, 'refusals']);
    await ways.ask(MAPPED, signal);
    works.delete(OWN);
    works.add(PUBLISHED);
    let attempts = 1;
    while (!(await ways.ask(MAPPED, signal))) attempts += 1;
    expect(attempts).toBe(41);
  });

  it('are the published port alone when the sandbox is no neighbour', async () => {
    const { ways, asked, to } = openWays([OWN, 'refusals'], false);
    expect(await ways.ask(MAPPED, signal)).toBe(false);
    expect(await to(50001, '/proxy/3000')).toBe(PUBLISHED);
    expect(asked).toEqual([PUBLISHED]);
  });

  it('are the published port alone for a sandbox without an address of its own', async () => {
    const { ways } = openWays([OWN]);
    await ways.ask(MAPPED, signal);
    const reach = { ...MAPPED, privateHost: undefined };
    expect(await ways.to({ reach, port: 50001, pathPrefix: '/proxy/1' }, signal)).toEqual({
      host: '172.18.0.1',
      port: 50001,
    });
  });

  it('do not hold a request up when neither answers', async () => {
    const { clock, to } = openWays([]);
    const asking = to(50001, '/proxy/3000');
    await settle();
    await clock.advance(2_000);
    expect(await asking).toBe(PUBLISHED);
  });
});
