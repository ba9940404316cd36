import { type FSWatcher, watch } from 'node:fs';
import { LIMITS } from '../../lib/limits.ts';

/** Wakes whoever waits for a sandbox: on exit files, as the kernel reports them, and on what we did ourselves. */
export class Wakeups {
  readonly #listeners = new Set<(sandboxId: string) => void>();
  readonly #watcher: FSWatcher;

  constructor(exits: string, sandboxOf: (runtimeId: string) => string | undefined) {
    this.#watcher = watch(exits, { persistent: false }, (_, file) => {
      const id = file === null ? undefined : sandboxOf(file);
      if (id !== undefined) this.wake(id);
    });
  }

  wake(sandboxId: string): void {
    for (const listener of [...this.#listeners]) listener(sandboxId);
  }

  /** Resolves at the next change of this sandbox, or when the signal aborts. */
  next(sandboxId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#listeners.delete(listener);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const listener = (id: string) => {
        if (id === sandboxId) done();
      };
      if (signal.aborted) return resolve();
      this.#listeners.add(listener);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** Ids are collected while the reader is busy; each stands in the queue at most once, so it is bounded by the sandboxes. */
  async *stream(signal: AbortSignal): AsyncGenerator<string> {
    const pending = new Set<string>();
    let wake = Promise.withResolvers<void>();
    const listener = (id: string) => {
      if (pending.size < LIMITS.watchQueueEvents) pending.add(id);
      wake.resolve();
    };
    const stop = () => wake.resolve();
    this.#listeners.add(listener);
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
      this.#listeners.delete(listener);
      signal.removeEventListener('abort', stop);
    }
  }

  close(): void {
    this.#watcher.close();
  }
}
