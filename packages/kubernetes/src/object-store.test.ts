import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createObjectStore } from './object-store.ts';
import type { Change, Entry } from './object-store.ts';

const entry = (namespace: string, name: string, value: number): Entry<number> => ({
  key: `${namespace}/${name}`,
  namespace,
  name,
  value,
});
const indexes = {
  name: ({ name }: Entry<number>) => [name],
  digits: ({ value }: Entry<number>) => [...new Set(String(value))],
};

describe('createObjectStore', () => {
  it('finds by every index what is there, whatever happened before', () => {
    const oneEntry = fc
      .record({
        namespace: fc.constantFrom('a', 'b'),
        name: fc.constantFrom('x', 'y', 'z'),
        value: fc.nat(99),
      })
      .map(({ namespace, name, value }) => entry(namespace, name, value));
    const step = fc.oneof(
      fc.record({ do: fc.constant('put' as const), entries: fc.tuple(oneEntry) }),
      fc.record({ do: fc.constant('remove' as const), entries: fc.tuple(oneEntry) }),
      fc.record({ do: fc.constant('replace' as const), entries: fc.array(oneEntry) }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let told = new Map<string, Entry<number>>();
        const store = createObjectStore<number>(indexes, (change) => {
          if (change.type === 'put') told.set(change.entry.key, change.entry);
          else told.delete(change.before.key);
        });
        let model = new Map<string, Entry<number>>();
        for (const { do: verb, entries } of steps) {
          if (verb === 'replace') model = new Map(entries.map((each) => [each.key, each]));
          for (const each of entries) {
            if (verb === 'put') model.set(each.key, each);
            if (verb === 'remove') model.delete(each.key);
            if (verb === 'put') store.put(each);
            if (verb === 'remove') store.remove(each.key);
          }
          if (verb === 'replace') store.replace(model);
        }
        expect(new Map([...store.all()].map((each) => [each.key, each]))).toEqual(model);
        expect(told).toEqual(model);
        told = new Map();
        for (const [index, by] of Object.entries(indexes)) {
          for (const name of ['x', 'y', 'z', '0', '1', '5', '9']) {
            const found = new Set(store.find(index, name));
            expect(found).toEqual(new Set([...model.values()].filter((each) => by(each).includes(name))));
          }
        }
      }),
    );
  });

  it('tells each change with what was there before', () => {
    const changes: Change<number>[] = [];
    const store = createObjectStore<number>({}, (change) => void changes.push(change));
    const [one, other] = [entry('n', 'a', 1), entry('n', 'a', 2)];
    store.put(one);
    store.put(other);
    store.replace(new Map());
    expect(changes).toEqual([
      { type: 'put', entry: one, before: undefined },
      { type: 'put', entry: other, before: one },
      { type: 'gone', before: other },
    ]);
    expect(store.find('unknown', 'a')).toEqual([]);
  });
});
