import { describe, expect, it } from 'vitest';
import { createEventBus } from './event-bus.ts';

type Event = { readonly type: 'a'; readonly n: number } | { readonly type: 'b' };

describe('EventBus', () => {
  it('tells those who listen to this type, until their signal aborts', () => {
    const bus = createEventBus<Event>(() => undefined);
    const controller = new AbortController();
    const seen: number[] = [];
    bus.subscribe('a', (event) => void seen.push(event.n), controller.signal);
    bus.publish({ type: 'a', n: 1 });
    bus.publish({ type: 'b' });
    controller.abort();
    bus.publish({ type: 'a', n: 2 });
    bus.subscribe('a', (event) => void seen.push(event.n), controller.signal);
    bus.publish({ type: 'a', n: 3 });
    expect(seen).toEqual([1]);
  });

  it('keeps a listener that throws from the others', () => {
    const errors: unknown[] = [];
    const bus = createEventBus<Event>((error) => void errors.push(error));
    const { signal } = new AbortController();
    const seen: number[] = [];
    bus.subscribe(
      'a',
      () => {
        throw new Error('broken');
      },
      signal,
    );
    bus.subscribe('a', (event) => void seen.push(event.n), signal);
    bus.publish({ type: 'a', n: 1 });
    expect(seen).toEqual([1]);
    expect(errors).toHaveLength(1);
  });
});
