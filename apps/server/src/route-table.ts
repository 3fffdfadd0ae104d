/** Which methods a path has: answers 405 instead of 404, and finds the path that a trailing slash missed. */
export interface RouteTable {
  /** `undefined` when no route has this (decoded) path. */
  methodsOf(path: string): readonly string[] | undefined;
}

export interface RouteName {
  readonly method: string;
  /** `:name` stands for one segment, a final `*` for the rest. */
  readonly path: string;
}

export function createRouteTable(routes: readonly RouteName[]): RouteTable {
  const byPath = new Map<string, string[]>();
  for (const { method, path } of routes) {
    const methods = byPath.get(path);
    if (methods === undefined) byPath.set(path, [method]);
    else methods.push(method);
  }
  const entries = [...byPath].map(([path, methods]) => ({ pattern: patternOf(path), methods }));
  return {
    methodsOf: (path) => entries.find(({ pattern }) => pattern.test(path))?.methods,
  };
}

function patternOf(path: string): RegExp {
  const source = path
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:[a-zA-Z]+/g, '[^/]+')
    .replace(/\*$/, '.*');
  return new RegExp(`^${source}$`, 's');
}
