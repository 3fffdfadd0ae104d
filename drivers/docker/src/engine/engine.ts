import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type {
  ContainerDraft,
  ContainerInspect,
  ContainerSummary,
  EngineInfo,
  ImageInspect,
  VolumeSummary,
} from './answers.ts';
import { diagnosticCalls } from './diagnostic-calls.ts';
import { snapshotCalls } from './snapshot-calls.ts';
import { readJson } from './transport.ts';
import type { EngineAnswer, EngineRequest, Transport } from './transport.ts';

/** Longest time of a call that only reads. An inspect may have to wait for a start that is under way. */
const READ_MS = 30_000;
const PING_MS = 5_000;

/** `{ label: ['a=b'] }`: every entry must match. */
export type Filters = Readonly<Record<string, readonly string[]>>;

export interface NewContainer {
  readonly name: string;
  readonly platform: string | undefined;
  readonly draft: ContainerDraft;
}

export interface PullRequest {
  readonly name: string;
  /** A tag or a digest. */
  readonly tag: string;
  readonly platform: string | undefined;
  /** The value of `X-Registry-Auth`. */
  readonly auth: string | undefined;
}

/** The part of the Docker HTTP API that the driver uses, one method a call. */
export type Engine = ReturnType<typeof createEngine>;

export function createEngine(transport: Transport, apiTimeoutMs: number) {
  const readMs = Math.min(READ_MS, apiTimeoutMs);
  const read = async <T>(path: string, signal: AbortSignal, query: EngineRequest['query'] = {}): Promise<T> =>
    json<T>(await transport.call({ method: 'GET', path, query, timeoutMs: readMs }, signal));
  const write = (request: Omit<EngineRequest, 'timeoutMs'>, signal: AbortSignal): Promise<EngineAnswer> =>
    transport.call({ ...request, timeoutMs: apiTimeoutMs }, signal);
  const post = async (path: string, signal: AbortSignal): Promise<void> => {
    await write({ method: 'POST', path }, signal);
  };

  return {
    async ping(signal: AbortSignal): Promise<void> {
      await transport.call({ method: 'GET', path: '/_ping', timeoutMs: PING_MS }, signal);
    },
    info: (signal: AbortSignal): Promise<EngineInfo> => read('/info', signal),
    ...containerCalls({ transport, read, write, post, readMs }),
    ...diagnosticCalls({ transport, read, readMs }),
    ...snapshotCalls({ transport, read, write }),

    inspectImage: (reference: string, signal: AbortSignal): Promise<ImageInspect> =>
      read(`/images/${encodePath(reference)}/json`, signal),
    /** Progress as JSON lines. An error after the first byte is a line, not a status. */
    pull: (pull: PullRequest, signal: AbortSignal): Promise<IncomingMessage> =>
      transport.open(
        {
          method: 'POST',
          path: '/images/create',
          query: { fromImage: pull.name, tag: pull.tag, platform: pull.platform },
          headers: pull.auth === undefined ? {} : { 'x-registry-auth': pull.auth },
          timeoutMs: apiTimeoutMs,
        },
        signal,
      ),

    networkExists: async (name: string, signal: AbortSignal): Promise<void> => {
      await read(`/networks/${encodeURIComponent(name)}`, signal);
    },

    async createVolume(
      name: string,
      labels: Readonly<Record<string, string>>,
      signal: AbortSignal,
    ): Promise<void> {
      await write({ method: 'POST', path: '/volumes/create', body: { Name: name, Labels: labels } }, signal);
    },
    inspectVolume: (name: string, signal: AbortSignal): Promise<VolumeSummary> =>
      read(`/volumes/${encodeURIComponent(name)}`, signal),
    async listVolumes(filters: Filters, signal: AbortSignal): Promise<readonly VolumeSummary[]> {
      const query = { filters: JSON.stringify(filters) };
      const answer = await read<{ readonly Volumes: VolumeSummary[] | null }>('/volumes', signal, query);
      return answer.Volumes ?? [];
    },
    async removeVolume(name: string, signal: AbortSignal): Promise<void> {
      await write({ method: 'DELETE', path: `/volumes/${encodeURIComponent(name)}` }, signal);
    },

    /** JSON lines, until `signal` aborts or the link is lost. */
    events: (filters: Filters, signal: AbortSignal): Promise<IncomingMessage> =>
      transport.open(
        { method: 'GET', path: '/events', query: { filters: JSON.stringify(filters) }, timeoutMs: readMs },
        signal,
      ),
  };
}

interface Calls {
  readonly transport: Transport;
  readonly read: <T>(path: string, signal: AbortSignal, query?: EngineRequest['query']) => Promise<T>;
  readonly write: (request: Omit<EngineRequest, 'timeoutMs'>, signal: AbortSignal) => Promise<EngineAnswer>;
  readonly post: (path: string, signal: AbortSignal) => Promise<void>;
  readonly readMs: number;
}

function containerCalls({ transport, read, write, post, readMs }: Calls) {
  const at = (id: string, rest = ''): string => `/containers/${encodeURIComponent(id)}${rest}`;
  return {
    async createContainer(wanted: NewContainer, signal: AbortSignal): Promise<string> {
      const query = { name: wanted.name, platform: wanted.platform };
      const answer = await write(
        { method: 'POST', path: '/containers/create', query, body: wanted.draft },
        signal,
      );
      return json<{ readonly Id: string }>(answer).Id;
    },
    startContainer: (id: string, signal: AbortSignal): Promise<void> => post(at(id, '/start'), signal),
    pauseContainer: (id: string, signal: AbortSignal): Promise<void> => post(at(id, '/pause'), signal),
    unpauseContainer: (id: string, signal: AbortSignal): Promise<void> => post(at(id, '/unpause'), signal),
    inspectContainer: (id: string, signal: AbortSignal): Promise<ContainerInspect> =>
      read(at(id, '/json'), signal),
    listContainers: (filters: Filters, signal: AbortSignal): Promise<readonly ContainerSummary[]> =>
      read('/containers/json', signal, { all: '1', filters: JSON.stringify(filters) }),
    /** Kills it if need be; takes its anonymous volumes along. */
    async removeContainer(id: string, signal: AbortSignal): Promise<void> {
      await write({ method: 'DELETE', path: at(id), query: { force: '1', v: '1' } }, signal);
    },
    /** Resolves when a removal that somebody began is complete. */
    async waitRemoved(id: string, signal: AbortSignal): Promise<void> {
      await write({ method: 'POST', path: at(id, '/wait'), query: { condition: 'removed' } }, signal);
    },

    async hasFile(id: string, path: string, signal: AbortSignal): Promise<void> {
      await transport.call(
        { method: 'HEAD', path: at(id, '/archive'), query: { path }, timeoutMs: readMs },
        signal,
      );
    },
    /** Rejects when there is no such file; `undefined` when the engine does not tell its size. */
    async fileSize(id: string, path: string, signal: AbortSignal): Promise<number | undefined> {
      const { headers } = await transport.call(
        { method: 'HEAD', path: at(id, '/archive'), query: { path }, timeoutMs: readMs },
        signal,
      );
      return readSize(headers['x-docker-container-path-stat']);
    },
    async readArchive(id: string, path: string, signal: AbortSignal): Promise<Buffer> {
      const answer = await write({ method: 'GET', path: at(id, '/archive'), query: { path } }, signal);
      return answer.body;
    },
    async writeArchive(
      id: string,
      file: { readonly path: string; readonly tar: Readable },
      signal: AbortSignal,
    ): Promise<void> {
      await write(
        { method: 'PUT', path: at(id, '/archive'), query: { path: file.path }, tar: file.tar },
        signal,
      );
    },
  };
}

/** The engine's own description of its answers is trusted; readers tolerate what is missing. */
function json<T>(answer: EngineAnswer): T {
  return readJson(answer.body) as T;
}

/** The header holds JSON in base64. */
function readSize(header: string | readonly string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const stat = readJson(Buffer.from(header, 'base64'));
  if (typeof stat !== 'object' || stat === null || !('size' in stat)) return undefined;
  return typeof stat.size === 'number' ? stat.size : undefined;
}

/** Image references hold slashes that stay slashes. */
function encodePath(reference: string): string {
  return reference.split('/').map(encodeURIComponent).join('/');
}
