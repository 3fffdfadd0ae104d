import { agentFault } from '../error-envelope.ts';

/** The query of a request. Not read through `URL`: a strange Host header must not fail the request. */
export function queryOf(request: Pick<Request, 'url'>): URLSearchParams {
  const start = request.url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : request.url.slice(start + 1));
}

/** The path a route cannot do without. */
export function requiredPath(query: URLSearchParams): string {
  const path = query.get('path');
  if (path === null || path === '') {
    throw agentFault('invalid', 'MISSING_QUERY', "missing query parameter 'path'");
  }
  return path;
}

/** A whole number of at least `least`; undefined when the parameter is absent or empty. */
export function integerQuery(query: URLSearchParams, name: string, least: number): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value) || value < least) {
    throw agentFault('invalid', 'INVALID_REQUEST_BODY', `invalid query parameter '${name}': ${text}`);
  }
  return value;
}

/** How the refusal of a request body begins. */
export const BODY_PREFIX = 'error parsing request, MAYBE invalid body format. ';

/** The members of a JSON object whose keys are data; null is an empty one. */
export function entriesOf(value: unknown): [string, unknown][] {
  if (value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value)) throw badBody('an object is expected');
  return Object.entries(value);
}

/** The elements of a JSON array; null is an empty one. */
export function elementsOf(value: unknown): unknown[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw badBody('an array is expected');
  return value;
}

function badBody(message: string): Error {
  return agentFault('invalid', 'INVALID_REQUEST_BODY', BODY_PREFIX + message);
}
