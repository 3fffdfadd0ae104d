import type { Allowed } from './allowed.ts';
import type { Thing, ThingKind, Things } from './thing.ts';

/** These belong to everybody on the machine: a test that takes one away breaks the next. The others come and go. */
const MISSED: ReadonlySet<ThingKind> = new Set(['container', 'network', 'volume', 'image', 'image tag']);

/** A line for each thing that is there and was not, or was there and is not any more. */
export function differences(before: Things, after: Things, allowed: readonly Allowed[]): readonly string[] {
  const isAllowed = (thing: Thing): boolean =>
    allowed.some((rule) => rule.kind === thing.kind && rule.name.test(thing.name));
  const missing = (from: Things, others: Things): Thing[] => {
    const known = new Set(others.map(identity));
    return from.filter((thing) => !known.has(identity(thing)) && !isAllowed(thing));
  };
  return [
    ...missing(after, before).map(({ kind, name }) => `left behind: ${kind} ${name}`),
    ...missing(before, after)
      .filter(({ kind }) => MISSED.has(kind))
      .map(({ kind, name }) => `taken away: ${kind} ${name}`),
  ].sort();
}

function identity({ kind, key }: Thing): string {
  return `${kind}\0${key}`;
}
