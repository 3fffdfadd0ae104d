import { readFile } from 'node:fs/promises';

/** Paths where something is mounted, as this process sees them. */
export type MountTable = ReadonlySet<string>;

/** Asks the kernel's table and no path: a file system whose program hangs keeps whoever looks at it. */
export async function readMountTable(): Promise<MountTable> {
  return parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
}

export function parseMountTable(text: string): MountTable {
  const paths = text
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path !== '');
  return new Set(paths.map(unescapePath));
}

/** Whether the root of this process's file system is a whole one, and not the layers or the directory of a container. */
export function hasWholeRoot(text: string): boolean {
  const line = text.split('\n').find((each) => each.split(' ')[4] === '/') ?? '';
  const [before = '', after = ''] = line.split(' - ');
  return before.split(' ')[3] === '/' && !/^(?:overlay|aufs|fuse\S*|zfs|btrfs)\b/.test(after);
}

/** Whether what is mounted at a path is seen by those that this mount namespace shares its mounts with. */
export function isShared(text: string, path: string): boolean {
  let best: { readonly at: string; readonly shared: boolean } = { at: '', shared: false };
  for (const line of text.split('\n')) {
    const [before = ''] = line.split(' - ');
    const fields = before.split(' ');
    const at = unescapePath(fields[4] ?? '');
    if (at === '' || at.length < best.at.length || !(at === '/' || isWithin(path, at))) continue;
    best = { at, shared: fields.slice(6).some((field) => field.startsWith('shared:')) };
  }
  return best.shared;
}

/** Blanks, tabs, line ends and backslashes stand there as octal numbers. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** Whether one of two paths lies in the other, or both are the same. */
export function isNested(one: string, other: string): boolean {
  return isWithin(one, other) || isWithin(other, one);
}

export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
