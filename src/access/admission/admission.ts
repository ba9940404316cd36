import type { ApiObject, Kind } from '../../api/kind.ts';
import type { User } from '../user.ts';

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
  /** Changes `request.object` in place. */
  mutate?(request: AdmissionRequest): Promise<void>;
  validate?(request: AdmissionRequest): Promise<void>;
}

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  /** In the version that is stored. */
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** As it is to be; for DELETE as it is. */
  readonly object: ApiObject;
  readonly old: Readonly<ApiObject> | undefined;
  readonly user: User;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly reader: AdmissionReader;
}

/** Reads for plugins: straight from the registry, without authorization. */
export interface AdmissionReader {
  /** `resource` is qualified: `namespaces`, `runtimeclasses.node.k8s.io`. Undefined when there is none. */
  get(
    resource: string,
    name: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<Readonly<ApiObject> | undefined>;
  list(resource: string, signal: AbortSignal): Promise<readonly Readonly<ApiObject>[]>;
}

export function createAdmission(plugins: readonly AdmissionPlugin[]): Admission {
  return {
    async mutate(request) {
      for (const plugin of plugins) await plugin.mutate?.(request);
    },
    async validate(request) {
      for (const plugin of plugins) await plugin.validate?.(request);
    },
  };
}
