import type { CustomFacts } from './custom/facts.ts';
import type { ObjectSchema } from './schema.ts';

/** One kind in one version, as served. */
export interface Kind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  /** Plural, lower case: the path segment. */
  readonly resource: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** `all`, …: what `kubectl get all` means. */
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  /** The version the store holds; others are converted at the registry's edge. */
  readonly storageVersion: string;
  /** The group the store holds, where it is another one: events.k8s.io is stored as the core group's events. */
  readonly storageGroup?: string;
  readonly subresources: readonly Subresource[];
  readonly schema: ObjectSchema;
  /** CRD `selectableFields`, without the leading dot. */
  readonly selectableFields?: readonly string[];
  /** What kubectl shows of a custom kind, besides the name; left out: its age. */
  readonly printerColumns?: readonly PrinterColumn[];
  /** Where a custom kind keeps what its `scale` subresource says; left out: as Deployments do. */
  readonly scalePaths?: ScalePaths;
  /** Left out: the kind is built in. */
  readonly custom?: CustomFacts;
}

/** A CRD's `additionalPrinterColumns`. */
export interface PrinterColumn {
  readonly name: string;
  /** `integer`, `number`, `string`, `boolean` or `date`. */
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
  /** `.spec.size`, without braces. */
  readonly jsonPath: string;
}

/** Each `.spec.replicas`-like: members joined by dots. */
export interface ScalePaths {
  readonly replicas: string;
  readonly statusReplicas: string;
  readonly labelSelector?: string;
}

export interface Subresource {
  /** `status`, `scale`, `log`, `exec`, `binding`, `token`, … */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly Verb[];
}

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

/** Every kind this server knows, built-in and custom; kinds may come and go while it runs. */
export interface KindTable {
  find(group: string, version: string, resource: string): Kind | undefined;
  byKind(apiVersion: string, kind: string): Kind | undefined;
  all(): readonly Kind[];
  /**
   * The schema of anything that may stand in a body: served kinds, their lists, what subresources take
   * (Scale, Eviction, TokenRequest, Binding), DeleteOptions, Status.
   */
  schemaOf(apiVersion: string, kind: string): ObjectSchema | undefined;
  /** Replaces a kind of the same group, version and resource. */
  add(kind: Kind): void;
  remove(group: string, version: string, resource: string): void;
  /** Tells of each {@link KindTable.add} and {@link KindTable.remove}. Returns what ends it. */
  onChange(listener: () => void): () => void;
}

export function apiVersionOf(kind: { readonly group: string; readonly version: string }): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

/** `pods`, `deployments.apps`: how RBAC, the store and messages name a resource. */
export function qualifiedResource(kind: { readonly group: string; readonly resource: string }): string {
  return kind.group === '' ? kind.resource : `${kind.resource}.${kind.group}`;
}

/** A decoded object. Frozen when it came from a cache; copy before changing. */
export interface ApiObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ */
export interface ObjectMeta {
  name: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: unknown[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}
