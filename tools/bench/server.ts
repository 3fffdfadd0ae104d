import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { openServer, type ServerProcess } from '../../test/support/server-process.ts';
import { removeAll } from '../../test/support/docker.ts';
import { rawCreate, rawRemove } from './engine.ts';
import { type Figure, figure, inParallel, median, timed } from './figures.ts';
import { accepted, api, remove, usable } from './server-client.ts';

const SERIAL = 20;
const BURST = 50;
const WIDTH = 8;

/** Raw and ours take turns, so that both see the same machine. */
async function oneAtATime(server: ServerProcess): Promise<Figure[]> {
  const raw: number[] = [];
  const ours: number[] = [];
  const posts: number[] = [];
  for (let round = 0; round < SERIAL; round += 1) {
    const bare = await timed(rawCreate);
    raw.push(bare.ms);
    await rawRemove(bare.value);
    const whole = await timed(() => usable(server));
    ours.push(whole.ms);
    await remove(server, whole.value);
    const post = await timed(() => accepted(server));
    posts.push(post.ms);
    await remove(server, post.value);
  }
  const floor = median(raw);
  return [
    figure('POST accepted, p50', median(posts), 'ms', { atMost: 15 }),
    figure('create to agent answering, p50', median(ours), 'ms', {
      atMost: floor + 60,
      note: `raw create+start ${Math.round(floor)} ms`,
    }),
  ];
}

async function burst(server: ServerProcess): Promise<Figure[]> {
  const rawRates: number[] = [];
  const ourRates: number[] = [];
  let errors = 0;
  for (let round = 0; round < 2; round += 1) {
    const raw = await timed(() => inParallel(BURST, WIDTH, () => rawCreate()));
    rawRates.push((BURST / raw.ms) * 1000);
    for (const id of raw.value) await rawRemove(id);
    const ours = await timed(() =>
      inParallel(BURST, WIDTH, async () => {
        try {
          return await usable(server);
        } catch {
          errors += 1; // counted and shown: a burst has to be without errors
          return '';
        }
      }),
    );
    ourRates.push((BURST / ours.ms) * 1000);
    await inParallel(BURST, WIDTH, (index) => remove(server, ours.value[index] ?? ''));
  }
  const [raw, ours] = [Math.max(...rawRates), Math.max(...ourRates)];
  return [
    figure(`${BURST} creates, ${WIDTH} in parallel, rate over raw`, ours / raw, '', {
      atLeast: 0.9,
      note: `${ours.toFixed(1)}/s, raw ${raw.toFixed(1)}/s`,
    }),
    figure('errors in the burst', errors, '', { atMost: 0 }),
  ];
}

async function reads(server: ServerProcess): Promise<Figure[]> {
  const ids = await inParallel(200, WIDTH, () => accepted(server));
  let running = 0;
  while (running < ids.length) {
    await pause(200);
    const listed = await api(server, 'GET', '/sandboxes?pageSize=200&state=Running');
    running = (JSON.parse(listed.text) as { items: unknown[] }).items.length;
  }
  const gets: number[] = [];
  const lists: number[] = [];
  for (let round = 0; round < 300; round += 1) {
    gets.push((await timed(() => api(server, 'GET', `/sandboxes/${ids[round % ids.length] ?? ''}`))).ms);
    if (round % 3 === 0) lists.push((await timed(() => api(server, 'GET', '/sandboxes?pageSize=200'))).ms);
  }
  const memory = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid()}/status`, 'utf8'))?.[1];
  await inParallel(ids.length, WIDTH, (index) => remove(server, ids[index] ?? ''));
  return [
    figure('GET one, p50', median(gets), 'ms', { atMost: 2 }),
    figure('list of 200, p50', median(lists), 'ms', { atMost: 5 }),
    figure('server memory with 200 sandboxes', Number(memory) / 1024, 'MiB', { atMost: 150 }),
  ];
}

/** Every figure of the control plane. */
export async function benchServer(stallMonitor: string, stallFile: string): Promise<Figure[]> {
  await using server = await openServer({
    env: { NODE_OPTIONS: `--import=${stallMonitor}`, STALL_FILE: stallFile },
  });
  await server.start();
  try {
    await remove(server, await usable(server)); // fills the agent's volume once
    const serial = await oneAtATime(server);
    process.kill(server.pid(), 'SIGUSR2'); // forget the stalls of the start
    const bursts = await burst(server);
    process.kill(server.pid(), 'SIGUSR2');
    await pause(300);
    const stall = Number(readFileSync(stallFile, 'utf8'));
    const stalls = figure('longest event loop stall in the burst', stall, 'ms', { atMost: 50 });
    return [...serial, ...bursts, stalls, ...(await reads(server))];
  } finally {
    await server.stop();
    await removeAll(server.instance);
  }
}
