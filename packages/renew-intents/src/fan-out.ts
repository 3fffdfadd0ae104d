/**
 * Signals that abort with `signal`, through one listener on it: those who wait in parallel, each with listeners of its own,
 * do not add up on the signal of a whole program.
 */
export function fanOut(signal: AbortSignal, count: number): readonly AbortSignal[] {
  const controllers = Array.from({ length: count }, () => new AbortController());
  const abort = (): void => {
    for (const controller of controllers) controller.abort(signal.reason);
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return controllers.map((controller) => controller.signal);
}
