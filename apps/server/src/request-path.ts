/**
 * Request targets in one form. Routing and authentication both look at the decoded path, so `%2F` separates
 * segments and nothing can be public for one of them and private for the other.
 */

const NEEDS_WORK = /[%#]|[^\x21-\x7e]/;

/** The target rewritten for the router: decoded once, each segment encoded again, the query untouched. */
export function normaliseTarget(target: string): string {
  const originForm = toOriginForm(target);
  const queryAt = originForm.indexOf('?');
  const path = queryAt === -1 ? originForm : originForm.slice(0, queryAt);
  if (!NEEDS_WORK.test(path)) return originForm;
  const query = queryAt === -1 ? '' : originForm.slice(queryAt);
  return decodePath(path).split('/').map(encodeSegment).join('/') + query;
}

/** The path of a target, percent-decoded once. What is no valid encoding stays as it was sent. */
export function decodedPath(target: string): string {
  const queryAt = target.indexOf('?');
  return decodePath(queryAt === -1 ? target : target.slice(0, queryAt));
}

/** What follows the first `?`, as sent; `''` when there is none. */
export function rawQuery(target: string): string {
  const queryAt = target.indexOf('?');
  return queryAt === -1 ? '' : target.slice(queryAt + 1);
}

function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment.toWellFormed());
}

/** `GET http://host/path` is legal for any server (RFC 9112, 3.2.2); the authority does not matter here. */
function toOriginForm(target: string): string {
  if (target.startsWith('/')) return target;
  const absolute = /^https?:\/\/[^/?#]*([^#]*)/i.exec(target);
  const rest = absolute?.[1] ?? target;
  return rest.startsWith('/') ? rest : `/${rest}`;
}
