import type { ApiObject, Kind } from '../api/kind.ts';
import type { ErrorDetail } from '../lib/errors.ts';
import type { Claim } from './claims.ts';

/** What is known when an object is validated. */
export interface Validation {
  /** As it was asked for: two groups may share one storage and not their rules. */
  readonly asked: Kind;
  readonly kind: Kind;
  /** Left out: the object is new. */
  readonly change: { readonly old: Readonly<ApiObject>; readonly subresource: string } | undefined;
}

/**
 * What no schema says about one kind, in the version that is stored. Everything is optional: a kind without a
 * strategy gets the generic behaviour.
 */
export interface Strategy {
  /** Qualified: `pods`, `deployments.apps`. */
  readonly resource: string;
  /** Whether `metadata.generation` counts changes of what is not metadata or status. */
  readonly generation?: boolean;
  /** Whether a PUT without a resourceVersion overwrites whatever is there; true if left out. */
  readonly unconditionalUpdate?: boolean;
  /** Whether who deletes the object without saying what is to become of its dependents leaves them; upstream's old ways. */
  readonly orphansByDefault?: boolean;
  /** Whether a deletion answers with the object even when it is gone, as upstream does for some kinds. */
  readonly returnsDeleted?: boolean;
  /** Whether a PUT creates what is missing. */
  readonly createOnUpdate?: boolean;
  /** Defaults that compute; runs on every write, must be idempotent. */
  defaults?(object: ApiObject): void;
  /** Sets what the server owns on create. */
  prepareCreate?(object: ApiObject): void;
  /** `old` may not be changed. */
  prepareUpdate?(object: ApiObject, old: Readonly<ApiObject>): void;
  /** Puts back what a write to `/status` may not change; the default keeps everything but status. */
  prepareStatus?(object: ApiObject, old: Readonly<ApiObject>): void;
  /**
   * What a write to another subresource may change, by its name: puts the rest back from `old`. One that is not
   * named here cannot be written.
   */
  readonly subresources?: Readonly<Record<string, (object: ApiObject, old: Readonly<ApiObject>) => void>>;
  /**
   * Gives the object what it wants and the server chooses (an address, a port); runs again, and should choose
   * otherwise, when that was taken.
   */
  allocate?(object: ApiObject): void;
  /** What the object holds and no other may; empty for what it has not. */
  claims?(object: Readonly<ApiObject>): readonly Claim[];
  validate?(object: Readonly<ApiObject>, validation: Validation): ErrorDetail[];
  /** In addition to {@link Strategy.validate}, for writes of the object itself. */
  validateUpdate?(object: Readonly<ApiObject>, old: Readonly<ApiObject>, asked?: Kind): ErrorDetail[];
  /** The same for writes of a subresource, by its name. */
  readonly validateSubresource?: Readonly<
    Record<string, (object: Readonly<ApiObject>, old: Readonly<ApiObject>) => ErrorDetail[]>
  >;
  /** What is allowed but not wise: sent to who writes it. `old` is left out for what is new. */
  warnings?(object: Readonly<ApiObject>, old: Readonly<ApiObject> | undefined): readonly string[];
  /** What keeps a deleted object, besides finalizers: `spec.finalizers` of a namespace. */
  holds?(object: Readonly<ApiObject>): boolean;
  /** Seconds of grace when it is deleted; undefined: it is removed at once. */
  grace?(object: Readonly<ApiObject>, asked: number | undefined): number | undefined;
  /** Changes what is deleted but stays for now. */
  prepareDelete?(object: ApiObject): void;
}
