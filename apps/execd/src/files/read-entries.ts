import { lstat, readdir } from 'node:fs/promises';
import { sortNames } from './sort-names.ts';
import type { Turns } from './turns.ts';

/** One name in a directory. */
export interface Entry {
  readonly name: string;
  readonly path: string;
  readonly isDirectory: boolean;
  /** What the system knows the entry by: the path, or its bytes when these are not UTF-8. */
  readonly address: string | Buffer;
}

type OddName = Pick<Entry, 'isDirectory' | 'address'>;

const UNDECODABLE = '\uFFFD';
const NAMES_PER_LOOK = 512;

/**
 * The entries of a directory in the order of their bytes. Symbolic links are not directories. Names that are not
 * UTF-8 are shown with replacement characters. Only names are kept: entries are made as they are asked for.
 */
export async function readEntries(
  directory: Pick<Entry, 'path' | 'address'>,
  turns: Turns,
): Promise<Iterator<Entry>> {
  const found = await readdir(directory.address, { withFileTypes: true });
  const prefix = withSlash(directory.path);
  const names: string[] = [];
  const directories = new Set<string>();
  let hasOdd = typeof directory.address !== 'string';
  for (const [index, dirent] of found.entries()) {
    const { name } = dirent;
    if (name.includes(UNDECODABLE)) hasOdd = true;
    names.push(name);
    const known = dirent.isFile() || dirent.isDirectory() || dirent.isSymbolicLink();
    // Some file systems do not keep the type with the name.
    if (known ? dirent.isDirectory() : await leadsToDirectory(prefix + name)) directories.add(name);
    if (index % NAMES_PER_LOOK === 0) await turns.over();
  }
  const sorted = await sortNames(names, turns);
  if (hasOdd) return oddEntries(prefix, sorted, await readOddNames(directory));
  return plainEntries(prefix, sorted, directories);
}

function* plainEntries(
  prefix: string,
  names: readonly string[],
  directories: ReadonlySet<string>,
): Generator<Entry> {
  for (const name of names) {
    const path = prefix + name;
    yield { name, path, isDirectory: directories.has(name), address: path };
  }
}

/** Several names may look alike once they are shown; each is given once. */
function* oddEntries(
  prefix: string,
  names: readonly string[],
  odd: ReadonlyMap<string, OddName[]>,
): Generator<Entry> {
  for (const name of names) {
    const known = odd.get(name)?.shift();
    if (known !== undefined) yield { name, path: prefix + name, ...known };
  }
}

/** Every entry by the bytes of its name. Slower, and seldom needed. */
async function readOddNames(directory: Pick<Entry, 'address'>): Promise<Map<string, OddName[]>> {
  const { address: own } = directory;
  const prefix = Buffer.concat([typeof own === 'string' ? Buffer.from(own) : own, Buffer.from('/')]);
  const odd = new Map<string, OddName[]>();
  for (const bytes of await readdir(own, { encoding: 'buffer' })) {
    const name = bytes.toString('utf8');
    const address = Buffer.concat([prefix, bytes]);
    const alike = odd.get(name) ?? [];
    alike.push({ isDirectory: await leadsToDirectory(address), address });
    odd.set(name, alike);
  }
  return odd;
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

async function leadsToDirectory(path: string | Buffer): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false, // gone since; whoever looks at the entry finds out
  );
}
