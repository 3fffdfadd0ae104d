import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { request } from 'node:http';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from './client.ts';
import { COMMAND, engineCall, IMAGE, rawRemove } from './engine.ts';
import { loadFigures } from './execd-load.ts';
import { type Figure, figure, median, timed } from './figures.ts';

const layout =
  process.env['BENCH_AGENT'] ??
  resolve(dirname(fileURLToPath(import.meta.url)), '../../apps/execd/dist/rootfs');
const GIB = 1024 ** 3;

interface Agent {
  readonly id: string;
  readonly base: string;
  /** From the engine's StartedAt to the first answer. */
  readonly startMs: number;
}

interface Inspect {
  readonly State: { readonly StartedAt: string };
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { readonly HostPort: string }[]>>;
  };
}

async function startAgent(): Promise<Agent> {
  const made = (await engineCall('POST', '/containers/create', {
    Image: IMAGE,
    Entrypoint: ['/opt/opensandbox/bootstrap.sh'],
    Cmd: COMMAND,
    ExposedPorts: { '44772/tcp': {} },
    HostConfig: {
      Binds: [`${layout}:/opt/opensandbox:ro`],
      PortBindings: { '44772/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
    },
  })) as { Id: string };
  await engineCall('POST', `/containers/${made.Id}/start`);
  const seen = (await engineCall('GET', `/containers/${made.Id}/json`)) as Inspect;
  const base = `http://127.0.0.1:${seen.NetworkSettings.Ports['44772/tcp']?.[0]?.HostPort ?? ''}`;
  for (let attempt = 0; attempt < 5000; attempt += 1) {
    const ok = await ask('GET', `${base}/ping`).then(
      (answer) => answer.status === 200,
      () => false,
    );
    if (ok) return { id: made.Id, base, startMs: Date.now() - Date.parse(seen.State.StartedAt) };
    await pause(1);
  }
  await rawRemove(made.Id);
  throw new Error('the agent never answered');
}

async function agentPids(id: string): Promise<number[]> {
  const top = (await engineCall('GET', `/containers/${id}/top?ps_args=-eo%20pid,args`)) as {
    Processes: string[][];
  };
  return top.Processes.filter(
    (row) => row[1]?.includes('/opt/opensandbox/') === true && !row[1].includes('bootstrap.sh'),
  ).map((row) => Number(row[0]));
}

/** Proportional set size in MiB. */
function pss(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024;
}

/** Resident memory in MiB: the high-water mark when `peak`. */
function resident(pid: number, peak: boolean): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${peak ? 'VmHWM' : 'VmRSS'}:\\s+(\\d+)`, 'm').exec(text)?.[1]) / 1024;
}

async function upload(agent: Agent, path: string): Promise<void> {
  const boundary = 'bench-boundary';
  const head =
    `--${boundary}\r\nContent-Disposition: form-data; name="metadata"; filename="metadata"\r\nContent-Type: application/json\r\n\r\n` +
    `${JSON.stringify({ path })}\r\n--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="big"\r\n` +
    `Content-Type: application/octet-stream\r\n\r\n`;
  const call = request(`${agent.base}/files/upload`, {
    method: 'POST',
    headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
  });
  const answered = once(call, 'response');
  const chunk = Buffer.alloc(1024 * 1024, 7);
  call.write(head);
  for (let sent = 0; sent < GIB; sent += chunk.length) if (!call.write(chunk)) await once(call, 'drain');
  call.end(`\r\n--${boundary}--\r\n`);
  const [answer] = (await answered) as [{ statusCode?: number; resume(): void }];
  answer.resume();
  if (answer.statusCode !== 200) throw new Error(`upload: ${answer.statusCode}`);
}

async function download(agent: Agent, path: string): Promise<void> {
  const answer = await fetch(`${agent.base}/files/download?path=${encodeURIComponent(path)}`);
  let size = 0;
  for await (const chunk of answer.body ?? []) size += (chunk as Uint8Array).length;
  if (size !== GIB) throw new Error(`downloaded ${size} bytes`);
}

async function transfer(agent: Agent): Promise<Figure[]> {
  const [pid] = await agentPids(agent.id);
  if (pid === undefined) throw new Error('no agent process');
  const before = resident(pid, false);
  const up = await timed(() => upload(agent, '/tmp/big'));
  const afterUpload = resident(pid, true);
  const down = await timed(() => download(agent, '/tmp/big'));
  const afterDownload = resident(pid, true);
  return [
    figure('1 GiB upload, memory growth', afterUpload - before, 'MiB', {
      atMost: 32,
      note: `${(up.ms / 1000).toFixed(1)} s`,
    }),
    figure('1 GiB download, memory growth', afterDownload - before, 'MiB', {
      atMost: 32,
      note: `${(down.ms / 1000).toFixed(1)} s; peak of both`,
    }),
  ];
}

async function commandRoundTrip(agent: Agent): Promise<number> {
  const samples: number[] = [];
  for (let round = 0; round < 50; round += 1) {
    const run = await timed(async () => {
      const answer = await fetch(`${agent.base}/command`, { method: 'POST', body: '{"command":"true"}' });
      await answer.text();
    });
    samples.push(run.ms);
  }
  return median(samples);
}

/** Every figure of the in-sandbox agent. */
export async function benchExecd(): Promise<Figure[]> {
  const agents: Agent[] = [];
  try {
    for (let count = 0; count < 10; count += 1) agents.push(await startAgent());
    await pause(3000);
    const pids = (await Promise.all(agents.map((agent) => agentPids(agent.id)))).flat();
    const [first, second] = agents;
    const loaded = second === undefined ? undefined : (await agentPids(second.id))[0];
    if (first === undefined || second === undefined || loaded === undefined) throw new Error('no agent');
    return [
      figure(
        'agent: container start to first /ping, p50',
        median(agents.map((agent) => agent.startMs)),
        'ms',
        { atMost: 30 },
      ),
      figure('agent: proportional memory, ten running idle', median(pids.map(pss)), 'MiB', { atMost: 12 }),
      figure('agent: `true` as a command, p50', await commandRoundTrip(first), 'ms', { atMost: 15 }),
      ...(await transfer(first)),
      ...(await loadFigures({ base: second.base, pid: loaded })),
    ];
  } finally {
    for (const agent of agents) await rawRemove(agent.id);
  }
}
