/** One object as it is kept: where it is, and what was selected of it. */
export interface Entry<T> {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly value: T;
}

export type Change<T> =
  | { readonly type: 'put'; readonly entry: Entry<T>; readonly before: Entry<T> | undefined }
  | { readonly type: 'gone'; readonly before: Entry<T> };

/** The names under which an entry is found. */
export type IndexBy<T> = (entry: Entry<T>) => readonly string[];

/** Objects by their key and by secondary indexes. Each change is told to `onChange` after it is in. */
export interface ObjectStore<T> {
  readonly size: number;
  get(key: string): Entry<T> | undefined;
  all(): IterableIterator<Entry<T>>;
  /** In no particular order. */
  find(index: string, name: string): readonly Entry<T>[];
  put(entry: Entry<T>): void;
  remove(key: string): void;
  /** Everything that is not in `next` goes; what is there unchanged is told as well. */
  replace(next: ReadonlyMap<string, Entry<T>>): void;
}

export function createObjectStore<T>(
  indexes: Readonly<Record<string, IndexBy<T>>>,
  onChange: (change: Change<T>) => void,
): ObjectStore<T> {
  const entries = new Map<string, Entry<T>>();
  const byIndex = new Map(
    Object.entries(indexes).map(([name, by]) => [name, { by, names: new Map<string, Set<string>>() }]),
  );

  function unindex(entry: Entry<T>): void {
    for (const { by, names } of byIndex.values()) {
      for (const name of by(entry)) {
        const keys = names.get(name);
        keys?.delete(entry.key);
        if (keys?.size === 0) names.delete(name);
      }
    }
  }

  function index(entry: Entry<T>): void {
    for (const { by, names } of byIndex.values()) {
      for (const name of by(entry)) {
        const keys = names.get(name) ?? new Set();
        keys.add(entry.key);
        names.set(name, keys);
      }
    }
  }

  function put(entry: Entry<T>): void {
    const before = entries.get(entry.key);
    if (before !== undefined) unindex(before);
    entries.set(entry.key, entry);
    index(entry);
    onChange({ type: 'put', entry, before });
  }

  function remove(key: string): void {
    const before = entries.get(key);
    if (before === undefined) return;
    unindex(before);
    entries.delete(key);
    onChange({ type: 'gone', before });
  }

  return {
    get size() {
      return entries.size;
    },
    get: (key) => entries.get(key),
    all: () => entries.values(),
    find(name, value) {
      const keys = byIndex.get(name)?.names.get(value) ?? [];
      return [...keys].flatMap((key) => entries.get(key) ?? []);
    },
    put,
    remove,
    replace(next) {
      for (const key of [...entries.keys()]) if (!next.has(key)) remove(key);
      for (const entry of next.values()) put(entry);
    },
  };
}
