interface Flight<T> {
  readonly controller: AbortController;
  readonly result: Promise<T>;
  waiting: number;
}

/**
 * Shares work: who asks for a key that is being worked on waits for that same work. It is aborted when the last who
 * waits has gone away.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();
  /** Aborted work that has not let go of what it uses yet. */
  readonly #ending = new Map<string, Promise<unknown>>();

  async run(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.waiting++;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([flight.result, aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
      flight.waiting--;
      if (flight.waiting === 0) this.#leave(key, flight);
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const before = this.#ending.get(key) ?? Promise.resolve();
    const result = before
      .then(() => work(controller.signal))
      .finally(() => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      });
    const flight = { controller, result, waiting: 0 };
    result.catch(() => {}); // Everyone who waits hears of it; nobody may be left.
    this.#flights.set(key, flight);
    return flight;
  }

  #leave(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) !== flight) return;
    // Whoever comes now starts anew, when this has ended, rather than joining what is about to be aborted.
    this.#flights.delete(key);
    const ending = flight.result.then(
      () => undefined,
      () => undefined,
    );
    this.#ending.set(key, ending);
    void ending.then(() => {
      if (this.#ending.get(key) === ending) this.#ending.delete(key);
    });
    flight.controller.abort();
  }
}
