import type { ApiClient } from './api-client.ts';
import { answerFault, isExpired } from './faults.ts';
import { collectionPath, isRecord, readObject, resourceName } from './resource.ts';
import type { KubernetesObject, Resource } from './resource.ts';
import type { ApiRequest } from './send.ts';
import { versionOf } from './watch-event.ts';

export interface Selection {
  readonly resource: Resource;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListOptions extends Selection {
  readonly pageSize: number;
}

/**
 * Gives every object of a kind to `take`, page by page, as they were at one moment, and returns the resource version
 * of that moment. `restart` comes when that moment got too old in between: what was taken so far is void.
 */
export async function listObjects(
  client: ApiClient,
  options: ListOptions,
  sink: { readonly take: (object: KubernetesObject) => void; readonly restart: () => void },
  signal: AbortSignal,
): Promise<string> {
  let next: string | undefined;
  let limit: number | undefined = options.pageSize;
  for (;;) {
    try {
      const page = readPage(await client.call(listRequest(options, limit, next), signal));
      for (const item of page.items) {
        const object = readObject(item);
        if (object !== undefined) sink.take(object);
      }
      if (page.next === undefined) return page.version;
      next = page.next;
    } catch (error) {
      // Without pages it cannot happen again, however long it takes.
      if (!isExpired(error) || next === undefined) throw error;
      sink.restart();
      next = undefined;
      limit = undefined;
    }
  }
}

interface Page {
  readonly items: readonly unknown[];
  readonly version: string;
  readonly next: string | undefined;
}

function readPage(body: unknown): Page {
  const items = isRecord(body) ? body['items'] : undefined;
  // Go writes an empty list as null.
  if (!Array.isArray(items) && items !== null)
    throw answerFault('The API server answered a list without items.');
  const metadata = isRecord(body) && isRecord(body['metadata']) ? body['metadata'] : {};
  const next = metadata['continue'];
  return {
    items: (items ?? []) as readonly unknown[],
    version: versionOf(body),
    next: typeof next === 'string' && next !== '' ? next : undefined,
  };
}

function listRequest(options: ListOptions, limit: number | undefined, next: string | undefined): ApiRequest {
  return {
    path: collectionPath(options.resource),
    query: { ...selectors(options), limit, continue: next },
    what: `list ${resourceName(options.resource)}`,
  };
}

export function selectors(selection: Selection): Readonly<Record<string, string | undefined>> {
  return { labelSelector: selection.labelSelector, fieldSelector: selection.fieldSelector };
}
