import type { ApiObject, ObjectMeta } from '../api/kind.ts';
import type { Clock } from '../lib/clock.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { Client, CollectionReference } from './client.ts';

export interface ListWatchOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Objects come with their metadata and nothing else. */
  readonly metadataOnly?: boolean;
}

/** Who is told what a collection holds. */
export interface Sink<T> {
  /** A list begins: at first, and again whenever the watch could not go on. */
  begin(): void;
  /** A page of it. */
  listed(objects: readonly T[]): void;
  /** What was not listed since it began is not there. */
  end(): void;
  set(object: T): void;
  delete(object: T): void;
}

/** Lists and watches a collection until the signal aborts; failures are tried again with a back-off. */
export async function listAndWatch<T extends object = ApiObject>(
  client: Client,
  collection: CollectionReference,
  options: ListWatchOptions & { readonly sink: Sink<T>; readonly signal: AbortSignal },
): Promise<void> {
  await new ListWatch<T>(client, collection, options).run();
}

class ListWatch<T extends object> {
  readonly #client: Client;
  readonly #collection: CollectionReference;
  readonly #options: ListWatchOptions;
  readonly #sink: Sink<T>;
  readonly #calls: { readonly signal: AbortSignal; readonly metadataOnly: boolean };
  #failures = 0;

  constructor(
    client: Client,
    collection: CollectionReference,
    options: ListWatchOptions & { readonly sink: Sink<T>; readonly signal: AbortSignal },
  ) {
    this.#client = client;
    this.#collection = collection;
    this.#options = options;
    this.#sink = options.sink;
    this.#calls = { signal: options.signal, metadataOnly: options.metadataOnly === true };
  }

  async run(): Promise<void> {
    const { signal } = this.#calls;
    while (!signal.aborted) {
      try {
        await this.#follow(await this.#list());
      } catch (error) {
        if (signal.aborted) return;
        await this.#pause(error);
      }
    }
  }

  /** @returns the list's revision */
  async #list(): Promise<string> {
    this.#sink.begin();
    let token: string | undefined;
    let revision = '';
    do {
      const query = {
        ...this.#query(),
        limit: LIMITS.informerPageObjects,
        ...(token === undefined ? {} : { continue: token }),
      };
      const page = await this.#client.list<T>(this.#collection, query, this.#calls);
      this.#sink.listed(page.items);
      revision = page.metadata.resourceVersion;
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (token !== undefined);
    this.#sink.end();
    return revision;
  }

  /** Watches from a revision, again and again as the server ends watches, until one fails. */
  async #follow(from: string): Promise<void> {
    const { signal } = this.#calls;
    let revision = from;
    while (!signal.aborted) {
      const query = { ...this.#query(), resourceVersion: revision };
      let events = 0;
      for await (const event of this.#client.watch<T>(this.#collection, query, this.#calls)) {
        events++;
        this.#failures = 0;
        if (event.type === 'BOOKMARK') {
          revision = event.resourceVersion;
          continue;
        }
        if (event.type === 'DELETED') this.#sink.delete(event.object);
        else this.#sink.set(event.object);
        revision = revisionOf(event.object) ?? revision;
      }
      // A server that ends each watch at once is not to be asked in a loop without a pause.
      if (events === 0) await this.#options.clock.sleep(LIMITS.informerRetryFirstMs, signal);
    }
  }

  #query(): { labelSelector?: string; fieldSelector?: string } {
    const { labelSelector, fieldSelector } = this.#options;
    return {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }

  async #pause(error: unknown): Promise<void> {
    const { clock, log } = this.#options;
    const { resource } = this.#collection;
    if (isCode(error, 'Expired', 'Gone')) log.debug({ resource }, 'the revision is gone: listing again');
    else log.warn({ resource, err: AmphoraError.from(error) }, 'list or watch failed: trying again');
    const longest = Math.min(
      LIMITS.informerRetryFirstMs * 2 ** this.#failures,
      LIMITS.informerRetryLongestMs,
    );
    this.#failures++;
    await clock.sleep(longest * (0.5 + Math.random() / 2), this.#calls.signal).catch(() => {}); // Aborted: run() sees it.
  }
}

function revisionOf(object: object): string | undefined {
  if (!('metadata' in object)) return undefined;
  return (object.metadata as ObjectMeta).resourceVersion; // What the API sends has metadata.
}
