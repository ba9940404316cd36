import type { ApiObject } from '../api/kind.ts';

/**
 * How every component talks to the API: controllers and scheduler in process, agent and CLI over HTTP.
 * Typed by the caller (`client.get<Pod>(…)`) from `api/types.generated.ts`.
 */
export interface Client {
  get<T = ApiObject>(reference: ObjectReference, options?: CallOptions): Promise<T>;
  list<T = ApiObject>(
    collection: CollectionReference,
    query?: ListQuery,
    options?: CallOptions,
  ): Promise<List<T>>;
  /** Ends when the signal aborts or the server ends it. @throws Expired when the revision is gone: list again. */
  watch<T = ApiObject>(
    collection: CollectionReference,
    query: WatchQuery,
    options: CallOptions & { signal: AbortSignal },
  ): AsyncIterable<ClientWatchEvent<T>>;
  /** `name` and `subresource` together create below an object: `binding`, `eviction`, `token`. */
  create<T = ApiObject>(
    collection: CollectionReference & { readonly name?: string; readonly subresource?: string },
    object: object,
    options?: WriteOptions,
  ): Promise<T>;
  update<T = ApiObject>(reference: ObjectReference, object: object, options?: WriteOptions): Promise<T>;
  patch<T = ApiObject>(reference: ObjectReference, patch: ClientPatch, options?: WriteOptions): Promise<T>;
  delete<T = ApiObject>(reference: ObjectReference, body?: object, options?: WriteOptions): Promise<T>;
  close(): Promise<void>;
}

export interface CollectionReference {
  /** `v1`, `apps/v1`. */
  readonly apiVersion: string;
  /** Plural: `pods`. */
  readonly resource: string;
  readonly namespace?: string;
}

export interface ObjectReference extends CollectionReference {
  readonly name: string;
  readonly subresource?: string;
}

export interface List<T> {
  readonly items: readonly T[];
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

export interface ListQuery {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
}

export interface WatchQuery {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion: string;
}

export type ClientWatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface ClientPatch {
  readonly type: 'json' | 'merge' | 'strategic' | 'apply';
  readonly body: unknown;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** For what is read: objects come with their metadata and nothing else (PartialObjectMetadata). */
  readonly metadataOnly?: boolean;
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}
