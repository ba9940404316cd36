import type { User } from '../access/user.ts';
import type { ApiObject, Kind, KindTable, ObjectMeta } from '../api/kind.ts';

/**
 * REST verbs over any kind: the only caller of the store. What goes in is decoded and pruned; what comes out
 * is bytes (JSON with the revision spliced in), because GET, LIST and watch must not parse what they send.
 */
export interface Registry {
  readonly kinds: KindTable;

  get(context: RequestContext, target: ResourceTarget, options: GetOptions): Promise<ObjectBytes>;
  list(context: RequestContext, target: CollectionTarget, options: ListOptions): Promise<ListResult>;
  /** Ends when the context's signal aborts. @throws Expired first of all when the revision is gone. */
  watch(context: RequestContext, target: CollectionTarget, options: WatchOptions): AsyncIterable<WatchEvent>;
  create(context: RequestContext, target: CreateTarget, object: ApiObject): Promise<ObjectBytes>;
  update(context: RequestContext, target: ResourceTarget, object: ApiObject): Promise<Written>;
  patch(context: RequestContext, target: ResourceTarget, patch: Patch): Promise<Written>;
  /** The object as it was last, or as it now is while finalizers or grace keep it. */
  delete(context: RequestContext, target: ResourceTarget, options: DeleteOptions): Promise<Deleted>;
  /**
   * Admission of what the registry does not store: what a connection to a pod asks for, a token's request.
   * @returns the body as admission left it
   * @throws what admission says
   */
  admit(
    context: RequestContext,
    target: ResourceTarget,
    body: { readonly operation: 'CREATE' | 'CONNECT'; readonly object: ApiObject },
  ): Promise<ApiObject>;
  deleteCollection(
    context: RequestContext,
    target: CollectionTarget,
    list: ListOptions,
    options: DeleteOptions,
  ): Promise<ListResult>;
}

export interface RequestContext {
  readonly user: User;
  readonly signal: AbortSignal;
  readonly requestId: string;
  readonly dryRun: boolean;
  /** From `?fieldManager=`, else from the user agent. */
  readonly fieldManager: string;
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  /** Asked before a PUT makes what is missing: who may update may not create by that. @throws Forbidden */
  readonly mayCreate?: () => Promise<void>;
  /** Sent as `Warning: 299` headers. Bounded by the adder. */
  readonly warn: (message: string) => void;
  /** Notes something for the audit log. */
  readonly annotate?: (key: string, value: string) => void;
}

export interface CollectionTarget {
  readonly kind: Kind;
  /** Empty: all namespaces, or a kind that has none. */
  readonly namespace: string;
}

/** `name` and `subresource` together name what is created below an object: `binding`, `eviction`, `token`. */
export interface CreateTarget extends CollectionTarget {
  readonly name?: string;
  readonly subresource?: string;
}

export interface ResourceTarget extends CollectionTarget {
  readonly name: string;
  /** `status`, `scale`, `binding`, …; left out for the object itself. */
  readonly subresource?: string;
}

/** One encoded object in the version that was asked for. */
export interface ObjectBytes {
  readonly revision: number;
  /** Complete JSON, revision included. Never changed by anybody. */
  readonly json: Buffer;
  /** Bytes of {@link json}. */
  readonly jsonLength: number;
  /** Copies {@link json} to `at`, without making it first: a list is one copy of what is stored. @returns where it ends */
  writeJson(target: Buffer, at: number): number;
  /** Decoded on demand, frozen and remembered. */
  object(): Readonly<ApiObject>;
  /** Only the metadata, without decoding the rest; revision included. */
  metadata(): Readonly<ObjectMeta>;
}

export interface GetOptions {
  readonly resourceVersion?: string;
}

export interface ListOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  /** Is for watches: refused. */
  readonly sendInitialEvents?: boolean;
}

export interface ListResult {
  readonly items: readonly ObjectBytes[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface WatchOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Empty or `0`: start with synthetic ADDED events for what there is. */
  readonly resourceVersion: string;
  readonly allowWatchBookmarks: boolean;
  /** Left out: as upstream always did, from revision '' and '0' and not from others. */
  readonly sendInitialEvents?: boolean;
  readonly resourceVersionMatch?: string;
  /** Is for lists: refused together with a match. */
  readonly continue?: string;
  /**
   * Takes an event at once while the reader waits for the next one. False: not now; it comes by iteration then.
   * May not throw.
   */
  readonly offer?: (event: WatchEvent) => boolean;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: ObjectBytes }
  /** `initialEventsEnd`: the bookmark that ends `sendInitialEvents`. */
  | { readonly type: 'BOOKMARK'; readonly revision: number; readonly initialEventsEnd: boolean };

export type Patch =
  | { readonly type: 'json'; readonly operations: readonly unknown[] }
  | { readonly type: 'merge'; readonly value: Readonly<Record<string, unknown>> }
  | { readonly type: 'strategic'; readonly value: Readonly<Record<string, unknown>> }
  | {
      readonly type: 'apply';
      readonly value: Readonly<Record<string, unknown>>;
      readonly force: boolean;
      /** Asked before what is missing is created. @throws Forbidden */
      readonly mayCreate?: () => Promise<void>;
    };

export interface Written {
  readonly object: ObjectBytes;
  readonly created: boolean;
}

export interface Deleted {
  /** As it was last, or as it is now while something keeps it. */
  readonly object: ObjectBytes;
  readonly gone: boolean;
  /** Whether the caller is answered with the object, instead of that it succeeded. */
  readonly shown: boolean;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}
