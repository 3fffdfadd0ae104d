/** Steps that take back what was done so far, run in reverse when disposed, unless `keep()` was called. */
export class UndoStack implements AsyncDisposable {
  #steps: { readonly name: string; readonly undo: () => Promise<void> }[] = [];
  readonly #onError: (step: string, error: unknown) => void;

  /** A step that fails is reported and the rest still run. Steps must not use the signal that was aborted. */
  constructor(onError: (step: string, error: unknown) => void) {
    this.#onError = onError;
  }

  add(name: string, undo: () => Promise<void>): void {
    this.#steps.push({ name, undo });
  }

  keep(): void {
    this.#steps = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step.undo();
      } catch (error) {
        this.#onError(step.name, error);
      }
    }
  }
}
