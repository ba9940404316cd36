import type { ApiObject } from '../../api/kind.ts';
import type {
  CallOptions,
  Client,
  CollectionReference,
  ObjectReference,
  WriteOptions,
} from '../../client/client.ts';
import { createInformer, type Informer, type InformerOptions } from '../../client/informer.ts';
import type { Clock } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { silentLogger } from '../../lib/log.ts';

/** The client of the package's users: the verbs of {@link Client}, and what tests and controllers do with them. */
export interface ClusterClient extends Client {
  /** Server-side apply. `fieldManager` is `amphora` if left out; `force` takes over what other managers own. */
  apply<T = ApiObject>(reference: ObjectReference, object: object, options?: WriteOptions): Promise<T>;
  /** A cache that follows a collection until it is disposed of. Resolves when the first list is in. */
  informer<T extends object = ApiObject>(
    collection: CollectionReference,
    options?: FollowOptions<T>,
  ): Promise<RunningInformer<T>>;
  /**
   * Resolves with the object as soon as it is there and `holds` is true of it.
   * @throws Timeout after 10 s, or what the signal says
   */
  waitFor<T = ApiObject>(
    reference: ObjectReference,
    holds: (object: T) => boolean,
    options?: CallOptions,
  ): Promise<T>;
  /** Resolves when the object is not there. @throws as {@link ClusterClient.waitFor} */
  waitGone(reference: ObjectReference, options?: CallOptions): Promise<void>;
}

export type FollowOptions<T> = CallOptions &
  Pick<InformerOptions<T>, 'labelSelector' | 'fieldSelector' | 'indexes'>;

export type RunningInformer<T> = Omit<Informer<T>, 'run' | 'synced' | 'whenSynced'> & AsyncDisposable;

const MANAGER = 'amphora';

export function createClusterClient(client: Client, clock: Clock): ClusterClient {
  return {
    get: (reference, options) => client.get(reference, options),
    list: (collection, query, options) => client.list(collection, query, options),
    watch: (collection, query, options) => client.watch(collection, query, options),
    create: (collection, object, options) => client.create(collection, object, options),
    update: (reference, object, options) => client.update(reference, object, options),
    patch: (reference, patch, options) => client.patch(reference, patch, options),
    delete: (reference, body, options) => client.delete(reference, body, options),
    close: () => client.close(),
    apply: (reference, object, options) =>
      client.patch(reference, { type: 'apply', body: object }, { fieldManager: MANAGER, ...options }),
    informer: (collection, options) => follow(client, { collection, clock, options: options ?? {} }),
    waitFor: async <T>(
      reference: ObjectReference,
      holds: (object: T) => boolean,
      options: CallOptions = {},
    ) => {
      const met = (object: T | undefined) => object !== undefined && holds(object);
      // What was met is there.
      return (await until(client, { reference, met, ...options })) as T;
    },
    waitGone: async (reference, options = {}) => {
      await until(client, { reference, met: (object) => object === undefined, ...options });
    },
  };
}

async function follow<T extends object>(
  client: Client,
  {
    collection,
    clock,
    options,
  }: { collection: CollectionReference; clock: Clock; options: FollowOptions<T> },
): Promise<RunningInformer<T>> {
  const { signal, ...wanted } = options;
  const stop = new AbortController();
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const informer = createInformer<T>(client, collection, { ...wanted, clock, log: silentLogger() });
  const running = informer.run(both);
  const end = async () => {
    stop.abort();
    await running;
  };
  try {
    await informer.whenSynced(both);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    get: (key) => informer.get(key),
    list: (namespace) => informer.list(namespace),
    byIndex: (index, value) => informer.byIndex(index, value),
    onChange: (handler) => informer.onChange(handler),
    [Symbol.asyncDispose]: end,
  };
}

interface Wait<T> extends CallOptions {
  readonly reference: ObjectReference;
  readonly met: (object: T | undefined) => boolean;
}

/** Reads, then watches the one object from there: each change is seen as it comes. */
async function until<T>(client: Client, { reference, met, signal }: Wait<T>): Promise<T | undefined> {
  const done = new AbortController();
  const limits = [AbortSignal.timeout(LIMITS.clusterWaitMs), done.signal];
  const both = AbortSignal.any(signal === undefined ? limits : [...limits, signal]);
  const { name, subresource: _, ...collection } = reference;
  try {
    for (;;) {
      both.throwIfAborted();
      const fieldSelector = `metadata.name=${name}`;
      const list = await client.list<T>(collection, { fieldSelector }, { signal: both });
      if (met(list.items[0])) return list.items[0];
      const query = { fieldSelector, resourceVersion: list.metadata.resourceVersion };
      for await (const event of client.watch<T>(collection, query, { signal: both })) {
        if (event.type === 'BOOKMARK') continue;
        const object = event.type === 'DELETED' ? undefined : event.object;
        if (met(object)) return object;
      }
    }
  } catch (error) {
    if (!isCode(error, 'Canceled') || !both.aborted) throw error;
    throw both.reason;
  } finally {
    done.abort();
  }
}
