import type { EngineEvent, RuntimeDriver, SandboxId } from '../src/index.ts';

/**
 * Hides sandboxes from the server, as an engine does whose data is not mounted, or another engine in its place:
 * lists lack them, nothing is told of them, removing them succeeds because they are not there.
 */
export class Curtain {
  readonly #hidden = new Set<SandboxId>();

  hide(...ids: readonly SandboxId[]): void {
    for (const id of ids) this.#hidden.add(id);
  }

  lift(...ids: readonly SandboxId[]): void {
    for (const id of ids.length === 0 ? [...this.#hidden] : ids) this.#hidden.delete(id);
  }

  readonly before = (driver: RuntimeDriver): RuntimeDriver => ({
    ...driver,
    inspect: async (id, signal) => (this.#hidden.has(id) ? undefined : driver.inspect(id, signal)),
    destroy: async (id, signal) => (this.#hidden.has(id) ? 'absent' : driver.destroy(id, signal)),
    observe: (signal) => this.#observe(driver, signal),
  });

  async *#observe(driver: RuntimeDriver, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    for await (const event of driver.observe(signal)) {
      const shown = this.#filter(event);
      if (shown !== undefined) yield shown;
    }
  }

  #filter(event: EngineEvent): EngineEvent | undefined {
    if (event.type === 'snapshot') {
      return { ...event, observations: event.observations.filter(({ id }) => !this.#hidden.has(id)) };
    }
    const id = event.type === 'gone' ? event.id : event.observation.id;
    return this.#hidden.has(id) ? undefined : event;
  }
}
