/** Ids of sandboxes in which something changed, for any number of readers; each id waits at most once for each. */
export class FakeEvents {
  readonly #readers = new Set<(id: string) => void>();

  wake(id: string): void {
    for (const reader of [...this.#readers]) reader(id);
  }

  async *stream(signal: AbortSignal): AsyncGenerator<string> {
    const pending = new Set<string>();
    let wake = Promise.withResolvers<void>();
    const reader = (id: string) => {
      pending.add(id);
      wake.resolve();
    };
    const stop = () => wake.resolve();
    this.#readers.add(reader);
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted) {
        if (pending.size === 0) await wake.promise;
        wake = Promise.withResolvers<void>();
        const ids = [...pending];
        pending.clear();
        for (const id of ids) if (!signal.aborted) yield id;
      }
    } finally {
      this.#readers.delete(reader);
      signal.removeEventListener('abort', stop);
    }
  }
}
