import type { Clock } from './clock.ts';

/** Values that are good for a while, and not more than a number of them: the oldest go first. */
export class ExpiringMap<Value> {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();

  constructor(options: { readonly clock: Clock; readonly most: number }) {
    this.#clock = options.clock;
    this.#most = options.most;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    if (found.until > this.#clock.now()) return found.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** What is there already, and still good, keeps its time. */
  set(key: string, value: Value, forMs: number): void {
    if (this.get(key) !== undefined) return;
    if (this.#entries.size >= this.#most) {
      const oldest = this.#entries.keys().next().value;
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(key, { value, until: this.#clock.now() + forMs });
  }
}
