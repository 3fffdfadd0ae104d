import { openFilesOf } from './churn.ts';
import { docker } from './docker.ts';
import type { HeapProbe } from './heap-probe.ts';
import { DIRECT, type ServiceSandbox, THROUGH_AGENT } from './service-sandbox.ts';
import { until } from './wait.ts';

const MIB = 1024 * 1024;
/** Connections to sandboxes are kept for a while, and so are those of whoever asks how things are. */
const FILES_SLACK = 6;
const HEAP_SLACK_BYTES = 8 * MIB;
const SETTLED_MS = 60_000;

/** What stands when no client is there. */
export interface ProxyHoldings {
  readonly serverFiles: number;
  readonly agentFiles: number;
  /** Streams that services believe to be sending, the question about them excluded. */
  readonly streams: number;
  readonly heapBytes: number;
}

/** Counts until nothing is more than in `before`, or it is clear that it stays. */
export async function settledHoldings(
  services: ServiceSandbox,
  probe: HeapProbe,
  before?: ProxyHoldings,
): Promise<ProxyHoldings> {
  const agent = await agentPid(services);
  const read = async (): Promise<ProxyHoldings> => {
    const states = await Promise.all([DIRECT, THROUGH_AGENT].map((port) => services.state(port)));
    const { heapBytes, externalBytes } = await probe.read(services.server.pid());
    return {
      serverFiles: openFilesOf(services.server.pid()).length,
      agentFiles: openFilesOf(agent).length,
      streams: states.reduce((sum, { open }) => sum + open - 1, 0),
      heapBytes: heapBytes + externalBytes,
    };
  };
  let latest = await read();
  await until('no more than before', SETTLED_MS, async () => {
    latest = await read();
    return latest.streams === 0 && (before === undefined || growth(before, latest) === undefined);
  }).catch(() => undefined); // told by the caller, with figures
  return latest;
}

/** What grew, in words; `undefined` when nothing did. */
export function growth(before: ProxyHoldings, after: ProxyHoldings): string | undefined {
  const hasGrown =
    after.serverFiles > before.serverFiles + FILES_SLACK ||
    after.agentFiles > before.agentFiles + FILES_SLACK ||
    after.streams > 0 ||
    after.heapBytes > before.heapBytes + HEAP_SLACK_BYTES;
  return hasGrown ? `before ${JSON.stringify(before)}, after ${JSON.stringify(after)}` : undefined;
}

async function agentPid({ container }: ServiceSandbox): Promise<number> {
  const top = await docker('top', container, '-eo', 'pid,args');
  const line = top.split('\n').find((row) => /^\s*\d+\s+\S*\/execd(\s|$)/.test(row));
  if (line === undefined) throw new Error(`no agent among ${top}`);
  return Number(line.trim().split(' ')[0]);
}
