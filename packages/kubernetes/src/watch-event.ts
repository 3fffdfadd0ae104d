import { answerFault, refusalFault } from './faults.ts';
import { isRecord, readObject } from './resource.ts';
import type { KubernetesObject } from './resource.ts';

export type WatchEvent =
  | { readonly type: 'put' | 'gone'; readonly object: KubernetesObject; readonly version: string }
  | { readonly type: 'bookmark'; readonly version: string };

/** One line of a watch. Throws a Fault for an error that the API server sends as an event, and for nonsense. */
export function parseWatchEvent(line: string, what: string): WatchEvent {
  const { type, object } = parseLine(line);
  if (type === 'ERROR') {
    const code = isRecord(object) && typeof object['code'] === 'number' ? object['code'] : 500;
    throw refusalFault({ status: code, body: object, what });
  }
  const version = versionOf(object);
  if (type === 'BOOKMARK') return { type: 'bookmark', version };
  const known = readObject(object);
  if (known === undefined) throw answerFault(`A watch sent an object without a name (${what}).`);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'put', object: known, version };
    case 'DELETED':
      return { type: 'gone', object: known, version };
    default:
      throw answerFault(`A watch sent an event of an unknown type (${what}).`);
  }
}

function parseLine(line: string): { readonly type: unknown; readonly object: unknown } {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw answerFault('A watch sent a line that is no JSON.', error);
  }
  if (!isRecord(event)) throw answerFault('A watch sent a line that is no event.');
  return { type: event['type'], object: event['object'] };
}

/** The resource version of a list or an object: where a watch goes on. */
export function versionOf(value: unknown): string {
  const metadata = isRecord(value) ? value['metadata'] : undefined;
  const version = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
  if (typeof version !== 'string' || version === '')
    throw answerFault('The API server sent something without a resource version.');
  return version;
}
