import type { Clock } from '@opensandbox/base';
import { cancelled, deadline, isFault } from '@opensandbox/base';
import type { ApiClient } from './api-client.ts';
import { connectionFault, timeoutFault } from './faults.ts';
import { readLines } from './lines.ts';
import { selectors } from './list.ts';
import type { Selection } from './list.ts';
import { collectionPath, resourceName } from './resource.ts';
import { parseWatchEvent } from './watch-event.ts';
import type { WatchEvent } from './watch-event.ts';

export interface WatchOptions extends Selection {
  /** How long the API server is asked to keep it open. */
  readonly seconds: number;
  /** How much later than that it is given up: nobody is on the other side any more. */
  readonly graceMs: number;
}

export interface WatchSink {
  /** The watch is open: from now on nothing is missed. */
  readonly opened: () => void;
  readonly take: (event: WatchEvent) => void;
}

/** The longest line; etcd takes no object of more than 1.5 MiB. */
const LONGEST_LINE = 16 * 1024 * 1024;

/**
 * Watches from `version` on until the API server ends it, which it does in time. Throws a Fault when it does not, when
 * the connection breaks, or when the API server says why it cannot.
 */
export async function watchObjects(
  deps: { readonly client: ApiClient; readonly clock: Clock },
  options: WatchOptions & { readonly version: string },
  sink: WatchSink,
  parent: AbortSignal,
): Promise<void> {
  const what = `watch ${resourceName(options.resource)}`;
  const ms = options.seconds * 1000 + options.graceMs;
  const limit = deadline(deps.clock, ms, parent, () => timeoutFault(what, ms));
  try {
    const query = {
      ...selectors(options),
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: options.version,
      timeoutSeconds: options.seconds,
    };
    const request = { path: collectionPath(options.resource), query, what };
    const body = await deps.client.open(request, limit.signal);
    sink.opened();
    for await (const line of readLines(body, LONGEST_LINE)) sink.take(parseWatchEvent(line, what));
  } catch (error) {
    if (limit.signal.aborted) throw cancelled(limit.signal);
    throw isFault(error) ? error : connectionFault(error, what);
  } finally {
    limit[Symbol.dispose]();
  }
}
