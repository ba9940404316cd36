/**
 * The schema every generic walk reads: validation, defaulting, pruning, strategic merge, server-side apply,
 * protobuf, explain, OpenAPI. Built-in kinds get theirs from the generated table, CRDs from their OpenAPI v3.
 */
export type Schema =
  | StringSchema
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
  /** `atomic`: replaced whole by apply. */
  | { readonly type: 'map'; readonly values: Schema; readonly atomic?: boolean; readonly bounds?: Bounds }
  | ArraySchema
  | ObjectSchema;

export interface StringSchema {
  readonly type: 'string';
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly bounds?: Bounds;
}

/** How much there can be, where a CRD says so: what a rule costs depends on it. */
export interface Bounds {
  /** Of a string's characters, a list's items, a map's members. */
  readonly maxCount?: number;
}

export interface ArraySchema {
  readonly type: 'array';
  readonly items: Schema;
  readonly listType: 'atomic' | 'set' | 'map';
  /** For `map`: fields of the item that together are its key. */
  readonly mapKeys: readonly string[];
  /** Strategic merge: what upstream's `x-kubernetes-patch-strategy` and `-merge-key` say. */
  readonly patchStrategy?: 'merge' | 'replace' | 'retainKeys' | 'merge,retainKeys';
  readonly mergeKey?: string;
  /** Upstream lets two items share a key here: a container's `env` and `ports`. */
  readonly allowDuplicates?: boolean;
  readonly bounds?: Bounds;
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
  /** False where neither this object nor anything below it has a field with a default. */
  readonly fills?: boolean;
}

export interface Field {
  readonly schema: Schema;
  /** What a missing field means, as JSON; undefined where the schema says nothing. */
  readonly default?: unknown;
  readonly patchStrategy?: 'retainKeys' | 'replace';
  /** Required by the document, but upstream takes an object without it. */
  readonly optional?: boolean;
  /** One line for `kubectl explain`, where we have one. */
  readonly description?: string;
  /** An empty object has it too: upstream's type holds it by value. */
  readonly inline?: true;
  /** CRD `nullable`: null is kept instead of meaning missing. */
  readonly nullable?: boolean;
}
