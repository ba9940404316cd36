import type { JsonObject } from '../../api/json.ts';
import type { ApiObject, Kind, KindTable } from '../../api/kind.ts';
import type { User } from '../user.ts';
import type { Rounds } from './rounds.ts';

/**
 * May this object be? Mutating plugins run in the order of their list, then the registry prepares and validates,
 * then validating plugins see the result. They run again, from a fresh read, when a write meets a conflict.
 */
export interface Admission {
  mutate(request: AdmissionRequest): Promise<void>;
  /** @throws Forbidden, NotFound or Invalid with what is wrong and what to do. */
  validate(request: AdmissionRequest): Promise<void>;
}

export interface AdmissionPlugin {
  readonly name: string;
  /** Whether it has to do with such a request at all; left out: with all. Asked on every write, so it is quick. */
  handles?(request: AdmissionRequest): boolean;
  /** Changes `request.object` in place. Runs a second time when a webhook or a policy changed the object after it. */
  mutate?(request: AdmissionRequest): Promise<void>;
  validate?(request: AdmissionRequest): Promise<void>;
}

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** The resource, in the version that is stored. */
  readonly kind: Kind;
  /** The resource in the version that the caller addressed. */
  readonly asked: Kind;
  readonly namespace: string;
  readonly name: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** What `object` is where a subresource takes another kind than the resource's own: Binding, Scale, PodExecOptions. */
  readonly bodyKind?: GroupVersionKind;
  /** As it is to be, in the version that is stored; for DELETE as it is. */
  readonly object: ApiObject;
  readonly old: Readonly<ApiObject> | undefined;
  readonly user: User;
  readonly dryRun: boolean;
  /** `CreateOptions`, `UpdateOptions`, `DeleteOptions` of the request. */
  options(): JsonObject;
  readonly signal: AbortSignal;
  readonly reader: AdmissionReader;
  readonly kinds: KindTable;
  /** What an outsider made of the object, decoded and defaulted as a body is. @throws BadRequest for no such object. */
  conform(value: unknown, as: Kind): ApiObject;
  /** The object in another version of its kind. */
  convert(object: Readonly<ApiObject>, to: Kind): Promise<ApiObject>;
  /** Shown to the caller; bounded. */
  warn(message: string): void;
  /** Noted in the audit log. */
  annotate(key: string, value: string): void;
  /** Set by the first webhook or policy that is called. */
  rounds?: Rounds;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Reads for plugins: straight from the registry, without authorization. */
export interface AdmissionReader {
  /** `resource` is qualified: `namespaces`, `runtimeclasses.node.k8s.io`. Undefined when there is none. */
  get(
    resource: string,
    name: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<Readonly<ApiObject> | undefined>;
  /** @param namespace left out: all */
  list(resource: string, signal: AbortSignal, namespace?: string): Promise<readonly Readonly<ApiObject>[]>;
  /** Writes all of them or none: false when an object is no longer the one that was read. */
  replaceStatuses(resource: string, changes: readonly StatusChange[], signal: AbortSignal): Promise<boolean>;
}

/** A status that is to take the place of the one an object was read with. */
export interface StatusChange {
  readonly object: Readonly<ApiObject>;
  readonly status: unknown;
}

export function createAdmission(plugins: readonly AdmissionPlugin[]): Admission {
  const mutating = plugins.filter((plugin) => plugin.mutate !== undefined);
  const validating = plugins.filter((plugin) => plugin.validate !== undefined);
  const round = async (request: AdmissionRequest) => {
    for (const plugin of mutating) if (plugin.handles?.(request) !== false) await plugin.mutate?.(request);
  };
  return {
    async mutate(request) {
      await round(request);
      if (request.rounds?.changed !== true) return;
      request.rounds.isSecond = true;
      await round(request);
    },
    async validate(request) {
      for (const plugin of validating)
        if (plugin.handles?.(request) !== false) await plugin.validate?.(request);
    },
  };
}
