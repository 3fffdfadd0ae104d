import { abortable } from './sleep.ts';

/**
 * Lets callers with the same key share one piece of work. The work is aborted only when every caller has
 * gone; it fails or succeeds for all of them alike, and is forgotten when it ends.
 */
export interface SingleFlight<K, T> {
  run(key: K, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createSingleFlight<K, T>(): SingleFlight<K, T> {
  interface Flight {
    readonly result: Promise<T>;
    readonly controller: AbortController;
    callers: number;
  }
  const flights = new Map<K, Flight>();

  function start(key: K, work: (signal: AbortSignal) => Promise<T>): Flight {
    const controller = new AbortController();
    const flight: Flight = { result: work(controller.signal), controller, callers: 0 };
    const forget = (): void => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.result.then(forget, forget);
    flights.set(key, flight);
    return flight;
  }

  return {
    async run(key, work, signal) {
      const flight = flights.get(key) ?? start(key, work);
      flight.callers += 1;
      try {
        return await abortable(flight.result, signal);
      } finally {
        flight.callers -= 1;
        if (flight.callers === 0) {
          if (flights.get(key) === flight) flights.delete(key);
          flight.controller.abort();
        }
      }
    },
  };
}
