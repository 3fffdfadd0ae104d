/** Query parameters by name; a repeated one has all its values. */
export type QueryInput = Readonly<Record<string, readonly string[]>>;

/** Takes a raw query (what follows `?`, still encoded) apart. */
export function readQuery(raw: string): QueryInput {
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(raw)) {
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return Object.fromEntries(values);
}
