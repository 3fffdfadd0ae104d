import { lstat, readdir } from 'node:fs/promises';

/** One name in a directory. */
export interface Entry {
  readonly name: string;
  readonly path: string;
  readonly isDirectory: boolean;
  /** What the system knows the entry by: the path, or its bytes when these are not UTF-8. */
  readonly address: string | Buffer;
}

const UNDECODABLE = '\uFFFD';

/** The entries of a directory in the order of their bytes. Symbolic links are not directories. */
export async function readEntries(directory: string): Promise<Entry[]> {
  const found = await readdir(directory, { withFileTypes: true });
  const prefix = directory.endsWith('/') ? directory : `${directory}/`;
  const entries: Entry[] = [];
  for (const dirent of found) {
    const path = prefix + dirent.name;
    if (dirent.name.includes(UNDECODABLE)) continue;
    const known = dirent.isFile() || dirent.isDirectory() || dirent.isSymbolicLink();
    // Some file systems do not keep the type with the name.
    const isDirectory = known ? dirent.isDirectory() : await leadsToDirectory(path);
    entries.push({ name: dirent.name, path, isDirectory, address: path });
  }
  if (entries.length < found.length) entries.push(...(await readUndecodable(directory, prefix)));
  return sortByBytes(entries);
}

/** Names that are not UTF-8 are shown with replacement characters and never descended into. */
async function readUndecodable(directory: string, prefix: string): Promise<Entry[]> {
  const names = await readdir(directory, { encoding: 'buffer' });
  return names
    .map((bytes) => ({ bytes, name: bytes.toString('utf8') }))
    .filter(({ name }) => name.includes(UNDECODABLE))
    .map(({ bytes, name }) => ({
      name,
      path: prefix + name,
      isDirectory: false,
      address: Buffer.concat([Buffer.from(prefix), bytes]),
    }));
}

async function leadsToDirectory(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false, // gone since; whoever looks at the entry finds out
  );
}

const SURROGATE = /[\uD800-\uDFFF]/;

/** UTF-16 order is byte order except for characters beyond the basic plane, which few directories hold. */
export function sortByBytes<T extends { readonly name: string }>(entries: T[]): T[] {
  if (!entries.some((entry) => SURROGATE.test(entry.name))) {
    return entries.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  }
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}
