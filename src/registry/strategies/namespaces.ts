import type { ApiObject } from '../../api/kind.ts';
import type { Strategy } from '../strategy.ts';

/** A namespace is kept by `spec.finalizers` until its controller has emptied it and finalizes it. */
export const namespaces: Strategy = {
  resource: 'namespaces',
  defaults(namespace) {
    // The server owns this label, so that selectors can rely on it.
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      'kubernetes.io/metadata.name': namespace.metadata.name ?? '',
    };
  },
  prepareCreate(namespace) {
    namespace.spec = { finalizers: ['kubernetes'] };
    namespace.status = { phase: 'Active' };
  },
  prepareUpdate(namespace, old) {
    namespace.spec = old.spec;
  },
  holds: (namespace) => finalizersOf(namespace).length > 0,
  prepareDelete(namespace) {
    namespace.status = { ...statusOf(namespace), phase: 'Terminating' };
  },
};

function finalizersOf(namespace: Readonly<ApiObject>): readonly unknown[] {
  const spec = namespace.spec as { finalizers?: unknown[] } | undefined; // NamespaceSpec
  return spec?.finalizers ?? [];
}

function statusOf(namespace: Readonly<ApiObject>): object {
  return (namespace.status ?? {}) as object; // NamespaceStatus
}
