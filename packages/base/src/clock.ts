/** Time as a parameter. Real code gets `systemClock()`, tests a `FakeClock`. All times are epoch milliseconds. */
export interface Clock {
  now(): number;
  /** Runs `run` once at `time` (at once when it has passed). Any distance works, years included. */
  at(time: number, run: () => void): Disposable;
}
