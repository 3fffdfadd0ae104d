import { APART, HOME } from './home.ts';
import { digest } from './journal.ts';
import { isNested } from './mount-table.ts';

/** Names below the mount root, one below the other. */
export type Names = readonly string[];

export interface Taken {
  readonly names: Names;
  /** How many of the lowest were made for it. */
  readonly made: number;
}

/**
 * Where a key is mounted: at its usual place, unless that lies in another mount or has one in it. There, the one would
 * show the other's files, or a directory for the one would be made in the other's bucket.
 */
export function choosePlace(key: string, occupied: readonly Names[]): Names {
  const isTaken = occupied.some((names) => isNested(key, names.join('/')));
  return isTaken ? [HOME, APART, digest(key)] : key.split('/');
}

/**
 * How many of the lowest of `names` somebody who shares directories with it has made: whoever leaves last removes
 * them, whoever made them.
 */
export function inheritedFrom(others: readonly Taken[], names: Names): number {
  let made = 0;
  for (const other of others) {
    const differs = names.findIndex((name, index) => other.names[index] !== name);
    const shared = differs === -1 ? names.length : differs;
    const firstMade = other.names.length - other.made;
    if (shared > firstMade) made = Math.max(made, names.length - firstMade);
  }
  return made;
}
