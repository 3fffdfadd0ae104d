import { readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { Agent as Connections, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { ask } from './client.ts';
import { type Figure, figure, median, percentile, timed } from './figures.ts';

/** An agent under load: where it answers, and its process as this machine sees it. */
export interface Loaded {
  readonly base: string;
  readonly pid: number;
}

const connections = new Connections({ keepAlive: true });
const MEGABYTE = 1_000_000;

/** Sends a request and hands out the answer as its first bytes come. */
async function stream(url: string, body: unknown): Promise<IncomingMessage> {
  const sent = request(url, { agent: connections, method: 'POST' });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.end(JSON.stringify(body));
  const [answer] = await answered;
  if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode}`);
  return answer;
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return text;
}

async function samples(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let round = 0; round < count; round += 1) taken.push((await timed(work)).ms);
  return taken;
}

async function sessionRun({ base }: Loaded): Promise<Figure> {
  const made = JSON.parse((await ask('POST', `${base}/session`)).text) as { session_id: string };
  const run = async (): Promise<void> => {
    await textOf(await stream(`${base}/session/${made.session_id}/run`, { command: 'true' }));
  };
  await samples(5, run);
  const taken = await samples(100, run);
  await ask('DELETE', `${base}/session/${made.session_id}`);
  return figure('agent: `true` in a session, p50', median(taken), 'ms', {
    atMost: 20,
    note: `p99 ${percentile(taken, 0.99).toFixed(1)} ms`,
  });
}

/** From a key being sent until the terminal's echo of it is here. */
async function terminalEcho({ base }: Loaded): Promise<Figure> {
  const made = JSON.parse((await ask('POST', `${base}/pty`)).text) as { session_id: string };
  const socket = new WebSocket(`${base.replace('http', 'ws')}/pty/${made.session_id}/ws`, {
    perMessageDeflate: false,
  });
  await once(socket, 'open');
  const see = (wanted: string): Promise<void> =>
    new Promise((resolve) => {
      let text = '';
      const read = (data: Buffer, isBinary: boolean): void => {
        if (isBinary) text += data.subarray(1).toString();
        if (!text.includes(wanted)) return;
        socket.off('message', read);
        resolve();
      };
      socket.on('message', read);
    });
  const type = (text: string): void => socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(text)]));
  const ready = see('ready-2');
  type('echo ready-$((1+1))\n');
  await ready;
  const taken = await samples(200, async () => {
    const echoed = see('q');
    type('q');
    await echoed;
  });
  socket.close();
  await ask('DELETE', `${base}/pty/${made.session_id}`);
  return figure('agent: echo at a terminal, p50', median(taken), 'ms', {
    atMost: 3,
    note: `p99 ${percentile(taken, 0.99).toFixed(1)} ms`,
  });
}

async function manyAtOnce({ base }: Loaded): Promise<Figure> {
  const started = performance.now();
  const starts = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const answer = await stream(`${base}/command`, { command: 'echo up; sleep 3' });
      let text = '';
      let upMs = Number.NaN;
      for await (const chunk of answer) {
        text += String(chunk);
        if (Number.isNaN(upMs) && text.includes('"up"')) upMs = performance.now() - started;
      }
      return upMs;
    }),
  );
  return figure('agent: 100 commands at once, the last one started', Math.max(...starts), 'ms', {
    atMost: 1000,
    note: `p50 ${median(starts).toFixed(0)} ms`,
  });
}

function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024) / MEGABYTE;
}

async function muchOutput({ base, pid }: Loaded): Promise<Figure[]> {
  writeFileSync(`/proc/${pid}/clear_refs`, '5'); // the peak is from now on
  const before = memory(pid, 'VmRSS');
  const command = `yes ${'x'.repeat(999)} | head -c 200000000`;
  let size = 0;
  const { ms } = await timed(async () => {
    const answer = await stream(`${base}/command`, { command });
    for await (const chunk of answer) size += (chunk as Buffer).length;
  });
  if (size < 200 * MEGABYTE) throw new Error(`only ${size} bytes came`);
  return [
    figure('agent: 200 MB of output, streamed', 200 / (ms / 1000), 'MB/s', { atLeast: 60 }),
    figure('agent: 200 MB of output, memory growth', memory(pid, 'VmHWM') - before, 'MB', {
      atMost: 32,
      note: `from ${before.toFixed(0)} MB`,
    }),
  ];
}

async function largeDirectory({ base }: Loaded): Promise<Figure[]> {
  const fill =
    'mkdir /tmp/many; cd /tmp/many; i=0; while [ $i -lt 100000 ]; do : > file-$i; i=$((i+1)); done';
  await textOf(await stream(`${base}/command`, { command: fill }));
  const pings: number[] = [];
  let isListing = true;
  const ping = async (): Promise<void> => {
    while (isListing) pings.push((await timed(() => ask('GET', `${base}/ping`))).ms);
  };
  const pinging = ping();
  let size = 0;
  const { ms } = await timed(async () => {
    const sent = request(`${base}/directories/list?path=/tmp/many`, { agent: connections });
    const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
    sent.end();
    const [answer] = await answered;
    for await (const chunk of answer) size += (chunk as Buffer).length;
  });
  isListing = false;
  await pinging;
  return [
    figure('agent: list of 100,000 files', ms, 'ms', {
      atMost: 2000,
      note: `${(size / MEGABYTE).toFixed(1)} MB`,
    }),
    figure('agent: /ping meanwhile, p99', percentile(pings, 0.99), 'ms', {
      atMost: 20,
      note: `${pings.length} pings, worst ${Math.max(...pings).toFixed(1)} ms`,
    }),
  ];
}

/** What an agent does when much is asked of it. */
export async function loadFigures(agent: Loaded): Promise<Figure[]> {
  try {
    return [
      ...(await muchOutput(agent)), // first: what else was done shows in the memory
      await sessionRun(agent),
      await terminalEcho(agent),
      await manyAtOnce(agent),
      ...(await largeDirectory(agent)),
    ];
  } finally {
    connections.destroy();
  }
}
