import type { Namespace } from '../../api/types.generated.ts';

/** Upstream's name for "contents are being removed". */
const FINALIZER = 'kubernetes';

export type NamespaceStep =
  | { readonly kind: 'empty' }
  /** Without the finalizer: the registry then removes the namespace. */
  | { readonly kind: 'finalize'; readonly finalizers: readonly string[] };

/** What a namespace needs next. A live one needs nothing; one that is going is emptied, then let go. */
export function planNamespace(namespace: Namespace, isEmpty: boolean): NamespaceStep | undefined {
  if (namespace.metadata?.deletionTimestamp === undefined) return undefined;
  const finalizers = namespace.spec?.finalizers ?? [];
  if (!finalizers.includes(FINALIZER)) return undefined;
  if (!isEmpty) return { kind: 'empty' };
  return { kind: 'finalize', finalizers: finalizers.filter((finalizer) => finalizer !== FINALIZER) };
}
