/** One line of /proc/self/mountinfo. */
export interface MountPoint {
  readonly path: string;
  /** Options of this place, not of the file system behind it. */
  readonly options: readonly string[];
}

/** The mounts of a process, in the order they were made. */
export function parseMountInfo(text: string): MountPoint[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split(' ');
      return { path: unescapeOctal(fields[4] ?? ''), options: (fields[5] ?? '').split(',') };
    });
}

function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text;
  const bytes = text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(parseInt(digits, 8)),
  );
  // The table is bytes, read as Latin-1 by the caller.
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

export function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`);
}

/** The directory nearest to `path` that holds it. */
export function longestWithin(path: string, directories: Iterable<string>): string | undefined {
  let longest: string | undefined;
  for (const directory of directories) {
    if (isWithin(path, directory) && directory.length > (longest?.length ?? -1)) longest = directory;
  }
  return longest;
}
