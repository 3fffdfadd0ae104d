import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { readConnectionFailure } from '../faults.ts';
import type { CommitConfig, ImageSummary } from './answers.ts';
import type { EngineAnswer, EngineRequest, Transport } from './transport.ts';

/** A commit runs as long as the file system takes; whoever asked decides how long to wait for it. */
const COMMIT_MS = 24 * 3_600_000;

export interface CommitRequest {
  readonly container: string;
  readonly repository: string;
  readonly tag: string;
  readonly config: CommitConfig;
  /** The part of it that is not the container's own, as build instructions. */
  readonly changes: string;
}

interface Calls {
  readonly transport: Transport;
  readonly read: <T>(path: string, signal: AbortSignal, query?: EngineRequest['query']) => Promise<T>;
  readonly write: (request: Omit<EngineRequest, 'timeoutMs'>, signal: AbortSignal) => Promise<EngineAnswer>;
}

/** What makes and removes the images of snapshots. */
export function snapshotCalls({ transport, read, write }: Calls) {
  return {
    /**
     * Freezes the container meanwhile, unless it is paused already. Engines may finish it without its caller. On a
     * connection of its own: one that nobody waits for any more must not keep other changes from their turn.
     */
    async commit(request: CommitRequest, signal: AbortSignal): Promise<void> {
      const { container, repository: repo, tag, config } = request;
      const changes = request.changes === '' ? undefined : request.changes;
      const answer = await transport.open(
        {
          method: 'POST',
          path: '/commit',
          query: { container, repo, tag, pause: '1', changes },
          body: config,
          timeoutMs: COMMIT_MS,
        },
        signal,
      );
      await buffer(answer).catch((error: unknown) => {
        throw readConnectionFailure(error, signal);
      });
    },
    /** Takes an archive of images in. The answer is JSON lines; a refusal is one of them, not a status. */
    async loadImages(tar: Readable, signal: AbortSignal): Promise<string> {
      const { body } = await write(
        { method: 'POST', path: '/images/load', query: { quiet: '1' }, tar },
        signal,
      );
      return body.toString('utf8');
    },
    /** `noprune`: its untagged parents stay. */
    async removeImage(
      reference: string,
      { noprune }: { readonly noprune: boolean },
      signal: AbortSignal,
    ): Promise<void> {
      const query = noprune ? { noprune: '1' } : {};
      await write({ method: 'DELETE', path: `/images/${encodeURIComponent(reference)}`, query }, signal);
    },
    listImages: (label: string, signal: AbortSignal): Promise<readonly ImageSummary[]> =>
      read('/images/json', signal, { filters: JSON.stringify({ label: [label] }) }),
    /** Bytes of the container's own layer. The engine looks at every file for it. */
    async containerSize(id: string, signal: AbortSignal): Promise<number | undefined> {
      const path = `/containers/${encodeURIComponent(id)}/json`;
      return (await read<{ readonly SizeRw?: number }>(path, signal, { size: '1' })).SizeRw;
    },
  };
}
