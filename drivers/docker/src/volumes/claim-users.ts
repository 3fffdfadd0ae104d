/**
 * Named volumes that creates on their way are going to mount. The engine knows a volume as used from the moment its
 * container exists; until then a removal would pull it from under the create.
 */
export interface ClaimUsers {
  /** Disposing it says that the create has ended. */
  enter(name: string): Disposable;
  has(name: string): boolean;
}

export function createClaimUsers(): ClaimUsers {
  const counts = new Map<string, number>();
  return {
    enter(name) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return {
        [Symbol.dispose]() {
          const left = (counts.get(name) ?? 1) - 1;
          if (left === 0) counts.delete(name);
          else counts.set(name, left);
        },
      };
    },
    has: (name) => counts.has(name),
  };
}
