/**
 * Undo for what was acquired: each acquisition is followed at once by the line that undoes it. Leaving the
 * scope with `await using` undoes everything in reverse order, unless {@link UndoStack.commit} was called.
 */
export class UndoStack implements AsyncDisposable {
  #steps: Array<() => Promise<void> | void> = [];

  defer(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  /** Keeps what was acquired: nothing is undone any more. */
  commit(): void {
    this.#steps = [];
  }

  /** Undoes in reverse order; a step that fails does not keep the others from running. */
  async undo(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'undoing failed');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.undo();
  }
}
