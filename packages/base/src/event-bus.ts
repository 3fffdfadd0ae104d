/** Broadcasts state changes. Never for control flow: a publisher does not know or wait for its listeners. */
export interface EventBus<E extends { readonly type: string }> {
  /** Never throws, never waits. */
  publish(event: E): void;
  subscribe<T extends E['type']>(
    type: T,
    handler: (event: Extract<E, { type: T }>) => void,
    signal: AbortSignal,
  ): void;
}

export function createEventBus<E extends { readonly type: string }>(
  onError: (error: unknown) => void,
): EventBus<E> {
  const handlers = new Map<string, Set<(event: E) => void>>();
  return {
    publish(event) {
      for (const handler of [...(handlers.get(event.type) ?? [])]) {
        try {
          handler(event);
        } catch (error) {
          onError(error);
        }
      }
    },
    subscribe(type, handler, signal) {
      if (signal.aborted) return;
      const set = handlers.get(type) ?? new Set();
      handlers.set(type, set);
      const entry = handler as (event: E) => void;
      set.add(entry);
      signal.addEventListener('abort', () => set.delete(entry), { once: true });
    },
  };
}
