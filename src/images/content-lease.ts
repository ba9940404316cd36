/**
 * Keeps content from being collected while somebody builds on it: many may hold a lease; collecting waits until there
 * is none, and who wants one meanwhile waits for the collecting, which is short.
 */
export class ContentLease {
  #holders = 0;
  #collecting: Promise<void> | undefined;
  #wanted: (() => Promise<void>) | undefined;

  async hold<T>(work: () => Promise<T>): Promise<T> {
    while (this.#collecting !== undefined) await this.#collecting;
    this.#holders++;
    try {
      return await work();
    } finally {
      this.#holders--;
      // Its failure is not this holder's; the next collecting finds the same again.
      if (this.#holders === 0 && this.#wanted !== undefined) await this.collect(this.#wanted).catch(() => {});
    }
  }

  /** Runs `work` now, or, while content is in use, when the last holder lets go: then this returns at once. */
  async collect(work: () => Promise<void>): Promise<void> {
    while (this.#collecting !== undefined) await this.#collecting;
    this.#wanted = work;
    if (this.#holders > 0) return;
    this.#wanted = undefined;
    const collecting = work();
    this.#collecting = collecting
      .catch(() => {})
      .finally(() => {
        this.#collecting = undefined;
      });
    await collecting;
  }
}
