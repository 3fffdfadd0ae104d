import type { TrafficHooks } from './traffic.ts';

const ACTIVE_EVERY_MS = 1_000;

/** Counts what passes, and tells the hooks. Free of charge where there are none. */
export class TrafficMeter {
  readonly #hooks: TrafficHooks;
  readonly #isMeasured: boolean;
  readonly #startedAt: number;
  #toldAt: number;
  #firstByteAt: number | undefined;
  #status: number | undefined;
  #upBytes = 0;
  #downBytes = 0;
  #hasEnded = false;

  constructor(hooks: TrafficHooks) {
    this.#hooks = hooks;
    this.#isMeasured = hooks.observed !== undefined || hooks.active !== undefined;
    this.#startedAt = this.#isMeasured ? performance.now() : 0;
    this.#toldAt = this.#startedAt;
  }

  readonly up = (bytes: number): void => {
    this.#upBytes += bytes;
    this.#tellActive();
  };

  readonly down = (bytes: number): void => {
    this.#downBytes += bytes;
    this.#tellActive();
  };

  answered(status: number): void {
    this.#status = status;
    if (this.#isMeasured) this.#firstByteAt = performance.now();
  }

  /** Once; what comes later changes nothing. */
  ended(isBroken: boolean): void {
    const { observed } = this.#hooks;
    if (this.#hasEnded || observed === undefined) return;
    this.#hasEnded = true;
    observed({
      status: this.#status,
      upBytes: this.#upBytes,
      downBytes: this.#downBytes,
      firstByteMs: this.#firstByteAt === undefined ? undefined : this.#firstByteAt - this.#startedAt,
      durationMs: performance.now() - this.#startedAt,
      isBroken,
    });
  }

  #tellActive(): void {
    const { active } = this.#hooks;
    if (active === undefined) return;
    const now = performance.now();
    if (now - this.#toldAt < ACTIVE_EVERY_MS) return;
    this.#toldAt = now;
    active();
  }
}
