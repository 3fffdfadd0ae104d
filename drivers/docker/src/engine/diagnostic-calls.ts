import type { Readable } from 'node:stream';
import type { ProcessTable } from './answers.ts';
import type { EngineRequest, Transport } from './transport.ts';

export interface LogQuery {
  /** Most entries, counted from the end. */
  readonly entries: number;
  /** Epoch ms. */
  readonly since: number | undefined;
}

export interface PastEventsQuery {
  readonly types: readonly string[];
  /** Epoch ms, both. */
  readonly since: number;
  readonly until: number;
}

interface Calls {
  readonly transport: Transport;
  readonly read: <T>(path: string, signal: AbortSignal, query?: EngineRequest['query']) => Promise<T>;
  readonly readMs: number;
}

/** What is asked for people who look for a fault. The long answers are streams, on connections of their own. */
export function diagnosticCalls({ transport, read, readMs }: Calls) {
  const at = (id: string, rest: string): string => `/containers/${encodeURIComponent(id)}${rest}`;
  const open = (path: string, query: EngineRequest['query'] & object, signal: AbortSignal) =>
    transport.open({ method: 'GET', path, query, timeoutMs: readMs }, signal);
  return {
    /** Both outputs with the time of every entry, in frames unless the container has a terminal. Ends at the end. */
    logs: (id: string, { entries, since }: LogQuery, signal: AbortSignal): Promise<Readable> => {
      const query = { stdout: '1', stderr: '1', timestamps: '1', tail: String(entries) };
      return open(
        at(id, '/logs'),
        { ...query, since: since === undefined ? undefined : seconds(since) },
        signal,
      );
    },
    /** Names of the programs, not their arguments: those may hold secrets. */
    processes: (id: string, signal: AbortSignal): Promise<ProcessTable> =>
      read(at(id, '/top'), signal, { ps_args: '-eo pid,ppid,stat,etime,rss,comm' }),
    /** JSON lines. Ends when the engine's clock has reached `until`. */
    pastEvents: (query: PastEventsQuery, signal: AbortSignal): Promise<Readable> => {
      const filters = JSON.stringify({ type: query.types });
      return open('/events', { filters, since: seconds(query.since), until: seconds(query.until) }, signal);
    },
  };
}

/** `1763751600.125000000`: seconds, and nine digits of their fraction. */
function seconds(epochMs: number): string {
  const ms = Math.max(0, Math.floor(epochMs));
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')}000000`;
}
