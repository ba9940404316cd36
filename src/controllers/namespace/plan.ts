import type { Namespace, NamespaceCondition } from '../../api/types.generated.ts';

/** Upstream's name for "contents are being removed". */
const FINALIZER = 'kubernetes';

export type NamespaceStep =
  | { readonly kind: 'empty' }
  /** Without the finalizer: the registry then removes the namespace. */
  | { readonly kind: 'finalize'; readonly finalizers: readonly string[] };

/** What is left of one kind after it was told to go. */
export interface Remaining {
  /** `resource.group`, and `pods.` of the core group: upstream's way to write it. */
  readonly resource: string;
  readonly count: number;
  /** To how many objects have each. */
  readonly finalizers: ReadonlyMap<string, number>;
}

/** What a namespace needs next. A live one needs nothing; one that is going is emptied, then let go. */
export function planNamespace(namespace: Namespace, isEmpty: boolean): NamespaceStep | undefined {
  if (namespace.metadata?.deletionTimestamp === undefined) return undefined;
  const finalizers = namespace.spec?.finalizers ?? [];
  if (!finalizers.includes(FINALIZER)) return undefined;
  if (!isEmpty) return { kind: 'empty' };
  return { kind: 'finalize', finalizers: finalizers.filter((finalizer) => finalizer !== FINALIZER) };
}

/**
 * The conditions of a namespace that is being emptied, in upstream's words; undefined when it has them already.
 * @param failures why what could not be told to go could not
 */
export function planConditions(
  namespace: Namespace,
  found: {
    readonly remaining: readonly Remaining[];
    readonly failures: readonly string[];
    readonly now: string;
  },
): NamespaceCondition[] | undefined {
  const before = namespace.status?.conditions ?? [];
  const wanted = conditionsOf(found);
  const others = before.filter((one) => !wanted.some(({ type }) => type === one.type));
  const next = wanted.map((condition) => {
    const known = before.find(({ type }) => type === condition.type);
    const same =
      known?.status === condition.status &&
      known.reason === condition.reason &&
      known.message === condition.message;
    return same ? known : { ...condition, lastTransitionTime: found.now };
  });
  return next.every((condition) => before.includes(condition)) ? undefined : [...others, ...next];
}

function conditionsOf({
  remaining,
  failures,
}: {
  readonly remaining: readonly Remaining[];
  readonly failures: readonly string[];
}): NamespaceCondition[] {
  const left = remaining.filter(({ count }) => count > 0);
  const resources = left.map(({ resource, count }) => `${resource} has ${count} resource instances`).sort();
  const finalizers = [...countFinalizers(left)]
    .map(([name, count]) => `${name} in ${count} resource instances`)
    .sort();
  return [
    fine('NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'),
    fine(
      'NamespaceDeletionGroupVersionParsingFailure',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    failures.length > 0
      ? {
          type: 'NamespaceDeletionContentFailure',
          status: 'True',
          reason: 'ContentDeletionFailed',
          message: `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(', ')}`,
        }
      : fine(
          'NamespaceDeletionContentFailure',
          'ContentDeleted',
          'All content successfully deleted, may be waiting on finalization',
        ),
    resources.length > 0
      ? {
          type: 'NamespaceContentRemaining',
          status: 'True',
          reason: 'SomeResourcesRemain',
          message: `Some resources are remaining: ${resources.join(', ')}`,
        }
      : fine('NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'),
    finalizers.length > 0
      ? {
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          reason: 'SomeFinalizersRemain',
          message: `Some content in the namespace has finalizers remaining: ${finalizers.join(', ')}`,
        }
      : fine(
          'NamespaceFinalizersRemaining',
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        ),
  ];
}

function fine(type: string, reason: string, message: string): NamespaceCondition {
  return { type, status: 'False', reason, message };
}

function countFinalizers(remaining: readonly Remaining[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { finalizers } of remaining)
    for (const [name, count] of finalizers) counts.set(name, (counts.get(name) ?? 0) + count);
  return counts;
}
