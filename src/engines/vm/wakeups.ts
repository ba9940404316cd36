/** Most sandboxes a listener may be behind by; they are a set, so this bounds the sandboxes, not the changes. */
const MAX_WAITING = 100_000;

/** Fans the ids of changed sandboxes out to those who listen; several changes of one sandbox are one. */
export class Wakeups {
  readonly #listeners = new Set<(id: string) => void>();

  tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }

  async *listen(signal: AbortSignal): AsyncGenerator<string> {
    const waiting = new Set<string>();
    let wake = () => {};
    const listener = (id: string) => {
      if (waiting.size < MAX_WAITING) waiting.add(id);
      wake();
    };
    const abort = () => wake();
    this.#listeners.add(listener);
    signal.addEventListener('abort', abort, { once: true });
    try {
      while (!signal.aborted) {
        const ids = [...waiting];
        waiting.clear();
        yield* ids;
        if (waiting.size > 0 || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener('abort', abort);
    }
  }
}
