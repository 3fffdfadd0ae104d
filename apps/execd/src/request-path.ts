/** Where a request goes, as it was written: nothing is decoded. */
export interface RequestTarget {
  readonly path: string;
  /** With its question mark; empty when there is none. */
  readonly query: string;
}

/** The target of a request URL. Without a Host header the URL is the bare target. */
export function targetOf(url: string): RequestTarget {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3);
  const target = start === -1 ? '/' : url.slice(start).replace(/#.*$/s, '');
  const mark = target.indexOf('?');
  return mark === -1
    ? { path: target, query: '' }
    : { path: target.slice(0, mark), query: target.slice(mark) };
}

/** The path a router compares: percent-encoding undone, where it is sound. */
export function routePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return path.replace(/%2f/gi, '%252F').split('/').map(decodeURIComponent).join('/');
  } catch {
    return path;
  }
}

/** A request under `/proxy/`: the port as it was written and the rest of the path. */
export interface ProxiedPath {
  readonly port: string;
  readonly rest: string;
}

export function parseProxiedPath(path: string): ProxiedPath | undefined {
  const match = /^\/proxy(?:\/([^/]*)(\/.*)?)?$/s.exec(path);
  if (match === null) return undefined;
  return { port: match[1] ?? '', rest: match[2] ?? '/' };
}

/**
 * The path without every leading `/proxy/{ownPort}`: a client that reaches the agent through the agent's own
 * proxy means the agent itself.
 */
export function withoutOwnProxy(path: string, ownPort: number): string {
  let current = path;
  for (;;) {
    const proxied = parseProxiedPath(current);
    if (proxied === undefined || proxied.port !== String(ownPort)) return current;
    current = proxied.rest;
  }
}
