/**
 * The schema every generic walk reads: validation, defaulting, pruning, strategic merge, server-side apply,
 * protobuf, explain, OpenAPI. Built-in kinds get theirs from the generated table, CRDs from their OpenAPI v3.
 */
export type Schema =
  | { readonly type: 'string'; readonly enum?: readonly string[]; readonly format?: string }
  | { readonly type: 'integer'; readonly format?: 'int32' | 'int64' }
  | { readonly type: 'number' }
  | { readonly type: 'boolean' }
  /** metav1.Time and MicroTime: RFC 3339. */
  | { readonly type: 'time'; readonly micro: boolean }
  /** base64 in JSON and YAML, raw in protobuf. */
  | { readonly type: 'bytes' }
  | { readonly type: 'quantity' }
  | { readonly type: 'int-or-string' }
  /** Any JSON: RawExtension, JSON, FieldsV1. */
  | { readonly type: 'any' }
  | { readonly type: 'map'; readonly values: Schema }
  | ArraySchema
  | ObjectSchema;

export interface ArraySchema {
  readonly type: 'array';
  readonly items: Schema;
  readonly listType: 'atomic' | 'set' | 'map';
  /** For `map`: fields of the item that together are its key. */
  readonly mapKeys: readonly string[];
  /** Strategic merge: what upstream's `x-kubernetes-patch-strategy` and `-merge-key` say. */
  readonly patchStrategy?: 'merge' | 'replace' | 'retainKeys' | 'merge,retainKeys';
  readonly mergeKey?: string;
}

export interface ObjectSchema {
  readonly type: 'object';
  /** `io.k8s.api.core.v1.PodSpec`; empty for a part of a CRD. */
  readonly name: string;
  readonly fields: Readonly<Record<string, Field>>;
  readonly required: readonly string[];
  /** Unknown fields are kept (CRD `x-kubernetes-preserve-unknown-fields`). */
  readonly preserveUnknown: boolean;
  /** `x-kubernetes-map-type: atomic`: replaced whole by apply. */
  readonly atomic: boolean;
}

export interface Field {
  readonly schema: Schema;
  /** What a missing field means, as JSON; undefined where the schema says nothing. */
  readonly default?: unknown;
  readonly patchStrategy?: 'retainKeys' | 'replace';
}
