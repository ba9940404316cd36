import { apiVersionOf, type KindTable, type ObjectMeta, qualifiedResource } from '../../api/kind.ts';
import type { Client } from '../../client/client.ts';
import { listAndWatch, type Sink } from '../../client/list-watch.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';

/** Pods and claims are followed by informers that others need too. */
const FOLLOWED: ReadonlySet<string> = new Set(['pods', 'persistentvolumeclaims']);

interface Departed {
  readonly metadata: ObjectMeta;
}

/** Tells the namespace of each object that goes, of the kinds that some quota counts. Remembers no object. */
export class Departures {
  readonly #client: Client;
  readonly #kinds: KindTable;
  readonly #options: { readonly clock: Clock; readonly log: Logger };
  readonly #handlers = new Set<(namespace: string) => void>();
  readonly #running = new Map<string, Promise<void>>();
  #signal: AbortSignal | undefined;

  constructor(
    client: Client,
    parts: { readonly kinds: KindTable; readonly clock: Clock; readonly log: Logger },
  ) {
    const { kinds, clock, log } = parts;
    this.#client = client;
    this.#kinds = kinds;
    this.#options = { clock, log };
  }

  onChange(handler: (namespace: string) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  async whenSynced(): Promise<void> {} // What went before is counted anyway.

  /** From now on, as long as this runs. @param resource qualified */
  follow(resource: string): void {
    const signal = this.#signal;
    if (signal === undefined || signal.aborted || FOLLOWED.has(resource) || this.#running.has(resource))
      return;
    const kind = this.#kinds
      .all()
      .find((each) => qualifiedResource(each) === resource && each.verbs.includes('watch'));
    if (kind === undefined) return; // Not served yet: asked again when it is counted again.
    const sink: Sink<Departed> = {
      begin: () => {},
      listed: () => {},
      end: () => {},
      set: () => {},
      delete: ({ metadata }) => {
        for (const handler of this.#handlers) handler(metadata.namespace ?? '');
      },
    };
    const collection = { apiVersion: apiVersionOf(kind), resource: kind.resource };
    const options = { ...this.#options, metadataOnly: true, sink, signal };
    this.#running.set(resource, listAndWatch<Departed>(this.#client, collection, options));
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await Promise.all(this.#running.values());
  }
}
