export type Environment = Readonly<Record<string, string | undefined>>;

const VARIABLE = /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g;

/** Replaces `$NAME` and `${NAME}`; names that are not set become nothing. Anything else stays as written. */
export function expandVariables(text: string, environment: Environment): string {
  return text.replace(VARIABLE, (_all, braced?: string, bare?: string) => {
    return environment[braced ?? bare ?? ''] ?? '';
  });
}

/** The names used in `text` that `environment` does not hold, sorted, each once. */
export function undefinedVariables(text: string, environment: Environment): string[] {
  const names = new Set<string>();
  for (const match of text.matchAll(VARIABLE)) {
    const name = match[1] ?? match[2] ?? '';
    if (environment[name] === undefined) names.add(name);
  }
  return [...names].sort();
}

export type ExpandedPath =
  { readonly path: string } | { readonly missing: readonly string[] } | { readonly noHome: true };

/** A path with its variables and a leading `~` replaced, or what is missing to do so. */
export function expandPath(text: string, environment: Environment): ExpandedPath {
  const missing = undefinedVariables(text, environment);
  if (missing.length > 0) return { missing };
  const expanded = expandVariables(text, environment);
  const isHome = expanded === '~' || expanded.startsWith('~/') || expanded.startsWith('~\\');
  if (!isHome) return { path: expanded };
  const home = environment['HOME'];
  if (home === undefined || home === '') return { noHome: true };
  return { path: home + expanded.slice(1) };
}
