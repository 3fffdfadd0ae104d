/** The names of an absolute or relative path, without what says nothing. `..` stays, for the caller to refuse. */
export function splitPath(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

export function joinNames(names: readonly string[]): string {
  return `/${names.join('/')}`;
}

/** The names of `path` below `above`, or `undefined` when it lies elsewhere. Whole names: `/a-b` is not below `/a`. */
export function namesBelow(path: string, above: string): readonly string[] | undefined {
  const [names, upper] = [splitPath(path), splitPath(above)];
  return upper.every((name, index) => names[index] === name) ? names.slice(upper.length) : undefined;
}

/** Prefixes without those that lie in another: they allow nothing more. Sorted, without duplicates. */
export function outermost(prefixes: readonly string[]): readonly string[] {
  const plain = [...new Set(prefixes.map((prefix) => joinNames(splitPath(prefix))))].sort();
  return plain.filter((one) => !plain.some((other) => other !== one && namesBelow(one, other) !== undefined));
}

/** Where a symbolic link leads that stands in `directory`; `..` is taken out of the text alone. */
export function followLink(directory: string, target: string): string {
  const names: string[] = target.startsWith('/') ? [] : [...splitPath(directory)];
  for (const name of splitPath(target)) {
    if (name === '..') names.pop();
    else names.push(name);
  }
  return joinNames(names);
}

/** The kernel takes no longer ones. */
const LONGEST = 4095;

/** Why a path cannot be used at all. */
export function pathFlaw(path: string): string | undefined {
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'must not contain control characters';
  if (Buffer.byteLength(path) > LONGEST) return 'is too long';
  return undefined;
}
