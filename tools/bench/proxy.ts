import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type ServerProcess, openServer } from '../../test/support/server-process.ts';
import { type Figure, figure, median } from './figures.ts';
import { type Load, type Nginx, load, openNginx, openNginxProxy, transferSeconds } from './nginx.ts';
import { accepted, api } from './server-client.ts';

const ROUNDS = 4;
const LOAD_SECONDS = 3;
const TUNNELS = 2000;
const BULK_BYTES = 1024 ** 3;
const ANSWER = '{"hello":"world"}';
const SMALL = `default_type application/json; return 200 '${ANSWER}';`;

/** A sandbox of the fake runtime, and the port of this machine that stands for its port 8080. */
interface Place {
  readonly path: string;
  readonly port: number;
}

async function place(server: ServerProcess): Promise<Place> {
  const id = await accepted(server);
  const answer = await api(server, 'GET', `/sandboxes/${id}/endpoints/8080`);
  const { endpoint } = JSON.parse(answer.text) as { endpoint: string };
  const port = Number(/:(\d+)/.exec(endpoint)?.[1]);
  return { path: `http://${server.domain}/v1/sandboxes/${id}/proxy/8080`, port };
}

/** Both proxies take turns, so that they see the same machine. */
function smallRequests(ours: string, theirs: Nginx, direct: number): Figure[] {
  const nginx: Load[] = [];
  const own: Load[] = [];
  const added: number[] = [];
  load(`${ours}/x`, 32, LOAD_SECONDS); // warms up
  for (let round = 0; round < ROUNDS; round += 1) {
    nginx.push(load(`http://127.0.0.1:${theirs.port}/x`, 32, LOAD_SECONDS));
    own.push(load(`${ours}/x`, 32, LOAD_SECONDS));
    const alone = load(`http://127.0.0.1:${direct}/x`, 1, 1).p50Ms;
    added.push(load(`${ours}/x`, 1, 2).p50Ms - alone);
  }
  const rate = (loads: readonly Load[]): number => Math.max(...loads.map(({ perSecond }) => perSecond));
  return [
    figure('proxy: added latency of a small request, p50', median(added), 'ms', { atMost: 1 }),
    figure('proxy: small requests, rate over one nginx worker', rate(own) / rate(nginx), '', {
      atLeast: 0.5,
      note: `${Math.round(rate(own))}/s, nginx ${Math.round(rate(nginx))}/s`,
    }),
  ];
}

function memory(server: ServerProcess, what: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${server.pid()}/status`, 'utf8');
  return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
}

interface Transfers {
  readonly server: ServerProcess;
  readonly ours: string;
  readonly theirs: Nginx;
  /** What is sent up; absent for the way down. */
  readonly upload?: string;
}

async function bulk(way: string, { server, ours, theirs, upload }: Transfers): Promise<Figure[]> {
  const url = `${ours}/bulk`;
  const before = memory(server, 'VmRSS');
  writeFileSync(`/proc/${server.pid()}/clear_refs`, '5'); // forgets the highest mark of memory
  const nginx: number[] = [];
  const own: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    nginx.push(await transferSeconds(`http://127.0.0.1:${theirs.port}/bulk`, upload));
    own.push(await transferSeconds(url, upload));
  }
  const [best, reference] = [Math.min(...own), Math.min(...nginx)];
  const note = `${(1024 / best).toFixed(0)} MiB/s, nginx ${(1024 / reference).toFixed(0)} MiB/s`;
  return [
    figure(`proxy: 1 GiB ${way}, rate over nginx`, reference / best, '', { atLeast: 0.7, note }),
    figure(`proxy: 1 GiB ${way}, memory growth`, memory(server, 'VmHWM') - before, 'MiB', { atMost: 32 }),
  ];
}

/** Takes what comes and answers once: the end of an upload, or a handshake. */
async function openSink(port: number): Promise<Server> {
  const server = createServer((socket) => {
    let length = Number.POSITIVE_INFINITY;
    let seen = -1;
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      if (seen === -1) {
        const end = bytes.indexOf('\r\n\r\n');
        const head = bytes.toString('latin1', 0, end);
        if (/\r\nupgrade: websocket/i.test(head)) {
          socket.write(
            'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
          );
          return;
        }
        length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
        seen = bytes.length - end - 4;
      } else seen += bytes.length;
      if (seen < length) return;
      seen = -1;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function tunnels(server: ServerProcess, url: string): Promise<Figure> {
  const { host, hostname, port, pathname } = new URL(url);
  const before = memory(server, 'VmRSS');
  const sockets: Socket[] = [];
  for (let count = 0; count < TUNNELS; count += 1) {
    const socket = connect({ host: hostname, port: Number(port) });
    sockets.push(socket);
    socket.write(
      `GET ${pathname}/ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (!answer.toString('latin1').startsWith('HTTP/1.1 101 ')) throw new Error(answer.toString());
  }
  await pause(3000);
  const grown = memory(server, 'VmRSS') - before;
  for (const socket of sockets) socket.destroy();
  return figure(`proxy: ${TUNNELS} idle WebSockets, memory growth`, grown, 'MiB', { atMost: 60 });
}

async function measure(server: ServerProcess, home: string): Promise<Figure[]> {
  const small = await place(server);
  const large = await place(server);
  const file = join(home, 'bulk');
  writeFileSync(file, '');
  truncateSync(file, BULK_BYTES);
  const ports = { small: small.port + 5000, large: small.port + 5001 };
  await using service = await openNginx({
    home,
    name: 'service',
    processor: 0,
    port: small.port,
    location: SMALL,
  });
  await using nginx = await openNginxProxy(home, 'small', { port: ports.small, service: service.port });
  const figures = smallRequests(small.path, nginx, service.port);
  return [...figures, ...(await transfers(server, { home, file, large, port: ports.large }))];
}

async function transfers(
  server: ServerProcess,
  { home, file, large, port }: { home: string; file: string; large: Place; port: number },
): Promise<Figure[]> {
  const figures: Figure[] = [];
  {
    await using service = await openNginx({
      home,
      name: 'files',
      processor: 0,
      port: large.port,
      location: `root ${home};`,
    });
    await using theirs = await openNginxProxy(home, 'down', { port, service: service.port });
    figures.push(...(await bulk('down', { server, ours: large.path, theirs })));
  }
  await using sink = await openSink(large.port);
  await using theirs = await openNginxProxy(home, 'up', { port, service: large.port });
  figures.push(...(await bulk('up', { server, ours: large.path, theirs, upload: file })));
  figures.push(await tunnels(server, large.path));
  sink.close();
  return figures;
}

/** The control plane's proxy beside nginx: the proxies on one processor, clients and services on the other. */
export async function benchProxy(): Promise<Figure[]> {
  const home = mkdtempSync(join(tmpdir(), 'opensandbox-bench-proxy-'));
  await using server = await openServer({
    runtime: 'type = "fake"',
    server: 'limit_concurrency = 0',
    through: ['taskset', '-c', '1'],
  });
  try {
    await server.start();
    return await measure(server, home);
  } finally {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
