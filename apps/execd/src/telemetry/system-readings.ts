import { readdir, readFile } from 'node:fs/promises';

/** Bytes through all interfaces but the loopback since they came up. */
export interface NetworkBytes {
  readonly received: number;
  readonly sent: number;
}

/** /proc/net/dev: two lines of headings, then one interface a line. */
export function parseNetworkBytes(text: string): NetworkBytes {
  let received = 0;
  let sent = 0;
  for (const line of text.split('\n').slice(2)) {
    const [name, counters] = line.split(':');
    if (counters === undefined || name?.trim() === 'lo') continue;
    const fields = counters.trim().split(/\s+/).map(Number);
    received += fields[0] ?? 0;
    sent += fields[8] ?? 0;
  }
  return { received, sent };
}

const ESTABLISHED = '01';

/** /proc/net/tcp and its like: a line of headings, then one socket a line; the fourth field is its state. */
export function countEstablished(text: string): number {
  const lines = text.split('\n').slice(1);
  return lines.filter((line) => line.trim().split(/\s+/, 4)[3] === ESTABLISHED).length;
}

export interface SystemReadings {
  readonly processes: number;
  readonly tcpConnections: number;
  readonly udpConnections: number;
  readonly network: NetworkBytes;
}

export async function readSystem(proc = '/proc'): Promise<SystemReadings> {
  const text = (path: string): Promise<string> => readFile(`${proc}/${path}`, 'utf8').catch(() => '');
  const established = async (protocol: string): Promise<number> => {
    const texts = await Promise.all([text(`net/${protocol}`), text(`net/${protocol}6`)]);
    return texts.reduce((sum, table) => sum + countEstablished(table), 0);
  };
  const names = await readdir(proc).catch(() => []);
  return {
    processes: names.filter((name) => /^\d+$/.test(name)).length,
    tcpConnections: await established('tcp'),
    udpConnections: await established('udp'),
    network: parseNetworkBytes(await text('net/dev')),
  };
}
