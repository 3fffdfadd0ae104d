import { readdirSync, readFileSync } from 'node:fs';

/** The process groups of a session, read from /proc; those that end meanwhile are left out. */
export function sessionGroups(sessionId: number): ReadonlySet<number> {
  const groups = new Set<number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const found = readGroup(`/proc/${name}/stat`);
    if (found?.session === sessionId) groups.add(found.group);
  }
  return groups;
}

function readGroup(path: string): { readonly group: number; readonly session: number } | undefined {
  try {
    // The name in parentheses may hold anything; behind it: state, parent, group, session.
    const fields = readFileSync(path, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return { group: Number(fields[2]), session: Number(fields[3]) };
  } catch {
    return undefined; // ended
  }
}
