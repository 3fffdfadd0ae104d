/* Compares the driver's create with the bare engine calls: `npx tsx drivers/docker/test/bench.ts [rounds]` */
import { randomUUID } from 'node:crypto';
import { systemClock } from '@opensandbox/base';
import { sampleRecord } from '@opensandbox/testkit';
import { readConnection } from '../src/engine/connection.ts';
import { createEngine } from '../src/engine/engine.ts';
import { openTransport } from '../src/engine/transport.ts';
import { planContainer } from '../src/plan/plan.ts';
import { busyboxSpec, lines, openDockerTest, SOCKET } from './docker-harness.ts';

const rounds = Number(process.argv[2] ?? 20);
const { signal } = new AbortController();
await using test = await openDockerTest();
const transport = openTransport(readConnection({ DOCKER_HOST: `unix://${SOCKET}` }), '1.41', systemClock());
const engine = createEngine(transport, 60_000);

async function raw(volume: string): Promise<void> {
  const settings = {
    networkMode: 'bridge',
    publishAddress: '127.0.0.1',
    instance: test.instance,
    pidsLimit: 4096,
    dropCapabilities: [],
    isolation: false,
    securityOptions: ['no-new-privileges:true'],
  };
  const record = sampleRecord({ spec: busyboxSpec() });
  const plan = planContainer({
    record,
    settings,
    agentVolume: volume,
    mounts: { binds: [], labels: {} },
    shell: 'image',
  });
  const id = await engine.createContainer({ ...plan, name: `bench-${randomUUID()}` }, signal);
  await engine.startContainer(id, signal);
}

const driven = async (): Promise<void> => {
  await test.driver.create(sampleRecord({ spec: busyboxSpec() }), () => undefined, signal);
};

async function clear(): Promise<void> {
  const left = await test.leftovers();
  if (left.length > 0) await test.docker('rm', '-fv', ...left);
}

async function oneByOne(work: () => Promise<void>): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return `p50 ${times[Math.floor(rounds / 2)]?.toFixed(0)} ms, p90 ${times[Math.floor(rounds * 0.9)]?.toFixed(0)} ms`;
}

async function atOnce(count: number, width: number, work: () => Promise<void>): Promise<string> {
  const began = performance.now();
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  const seconds = (performance.now() - began) / 1000;
  return `${count} at ${width} parallel: ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(1)} a second`;
}

await driven();
const [first = ''] = await test.leftovers();
const binds = await test.docker('inspect', '-f', '{{index .HostConfig.Binds 0}}', first);
const volume = lines(binds)[0]?.split(':')[0] ?? '';
for (let lap = 0; lap < 2; lap += 1) {
  console.log('engine alone, one by one:', await oneByOne(() => raw(volume)));
  await clear();
  console.log('driver,       one by one:', await oneByOne(driven));
  await clear();
}
console.log('engine alone,', await atOnce(50, 8, () => raw(volume)));
await clear();
console.log('driver,      ', await atOnce(50, 8, driven));
await clear();
transport[Symbol.dispose]();
