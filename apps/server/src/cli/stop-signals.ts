import type { Fault } from '@opensandbox/base';

/** Exit codes of a graceful stop: an interrupt is a normal end, the others report the signal. */
const EXIT_CODES = { SIGINT: 0, SIGTERM: 143, SIGHUP: 129 } as const;
/** Exit codes when a second signal cuts the stop short. */
const CUT_SHORT = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopName = keyof typeof EXIT_CODES;

/** What the process is told from outside. The first signal aborts; the second ends the process at once. */
export interface StopSignals extends Disposable {
  readonly signal: AbortSignal;
  /** Resolves with the exit code when the first signal came. */
  readonly stopped: Promise<number>;
  /** The exit code once the first signal came. */
  exitCode(): number | undefined;
}

export interface SignalSource {
  on(name: StopName, listener: (name: StopName) => void): unknown;
  off(name: StopName, listener: (name: StopName) => void): unknown;
}

export function listenForStop(
  source: SignalSource,
  exit: (code: number) => void,
  reason: () => Fault,
): StopSignals {
  const controller = new AbortController();
  let code: number | undefined;
  let resolve: (code: number) => void = () => undefined;
  const stopped = new Promise<number>((done) => (resolve = done));
  const onSignal = (name: StopName): void => {
    if (code !== undefined) {
      exit(CUT_SHORT[name]);
      return;
    }
    code = EXIT_CODES[name];
    controller.abort(reason());
    resolve(code);
  };
  const names = Object.keys(EXIT_CODES) as StopName[];
  for (const name of names) source.on(name, onSignal);
  return {
    signal: controller.signal,
    stopped,
    exitCode: () => code,
    [Symbol.dispose]() {
      for (const name of names) source.off(name, onSignal);
    },
  };
}
