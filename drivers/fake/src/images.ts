import type { Clock, Fault } from '@opensandbox/base';
import type { CaptureWish, SandboxId } from '@opensandbox/core/ports';

/** What a capture does to the engine. */
interface Freezer {
  readonly clock: Clock;
  pause(id: SandboxId): boolean;
  unpause(id: SandboxId): boolean;
}

/** The images that captures made in a fake engine. As the engine itself they outlive every driver. */
export class FakeImages {
  /** What the next captures do beside taking their time: fail like this once they are done. */
  readonly failures: Fault[] = [];
  readonly #ready = new Map<string, SandboxId>();
  readonly #underWay = new Map<string, SandboxId>();

  get ids(): readonly string[] {
    return [...this.#ready.keys()];
  }

  has(snapshotId: string): boolean {
    return this.#ready.has(snapshotId);
  }

  isCapturing(sandboxId: SandboxId): boolean {
    return [...this.#underWay.values()].includes(sandboxId);
  }

  /** Begins a capture; it ends by itself, whoever waits for it. */
  begin(engine: Freezer, { snapshotId, sandboxId }: CaptureWish, ms: number): void {
    const hasFrozen = engine.pause(sandboxId);
    this.#underWay.set(snapshotId, sandboxId);
    const fault = this.failures.shift();
    engine.clock.at(engine.clock.now() + ms, () => {
      this.#underWay.delete(snapshotId);
      if (fault === undefined) this.#ready.set(snapshotId, sandboxId);
      if (hasFrozen) engine.unpause(sandboxId);
    });
  }

  /** An engine that dies forgets what it was at, and leaves the sandbox as it is. */
  forgetWork(): void {
    this.#underWay.clear();
  }

  remove(snapshotId: string): void {
    this.#ready.delete(snapshotId);
  }

  isUnderWay(snapshotId: string): boolean {
    return this.#underWay.has(snapshotId);
  }
}
