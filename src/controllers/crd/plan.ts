import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
} from '../../api/types.generated.ts';

export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** Names that something else in the group goes by: what a CRD asks for must not be among them. */
export interface TakenNames {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

export interface CrdWorld {
  readonly taken: TakenNames;
  /** Whether this server answers for its kinds already. */
  readonly served: boolean;
  /** RFC 3339. */
  readonly now: string;
}

export interface CrdStatus {
  readonly acceptedNames: CustomResourceDefinitionNames;
  readonly conditions: readonly CustomResourceDefinitionCondition[];
}

/** The status a CRD should have, or undefined when it has it. */
export function planStatus(crd: CustomResourceDefinition, world: CrdWorld): CrdStatus | undefined {
  const conflict = conflictOf(crd.spec.names, world.taken);
  const before = crd.status?.conditions ?? [];
  const was = (type: string) => before.find((condition) => condition.type === type);
  const accepted = conflict === undefined;
  const established = (accepted && world.served) || was('Established')?.status === 'True';
  const wanted = [
    accepted
      ? condition('NamesAccepted', 'True', { reason: 'NoConflicts', message: 'no conflicts found' })
      : condition('NamesAccepted', 'False', conflict),
    established
      ? condition('Established', 'True', {
          reason: 'InitialNamesAccepted',
          message: 'the initial names have been accepted',
        })
      : condition('Established', 'False', {
          reason: accepted ? 'Installing' : 'NotAccepted',
          message: accepted ? 'the kind is about to be served' : 'not all names are accepted',
        }),
  ];
  const others = before.filter(({ type }) => !wanted.some((one) => one.type === type));
  const conditions = wanted.map((one) => {
    const old = was(one.type);
    return old?.status === one.status && old.reason === one.reason && old.message === one.message
      ? old
      : {
          ...one,
          lastTransitionTime:
            old?.status === one.status && old.lastTransitionTime !== undefined
              ? old.lastTransitionTime
              : world.now,
        };
  });
  const acceptedNames = accepted ? crd.spec.names : (crd.status?.acceptedNames ?? { kind: '', plural: '' });
  const same =
    conditions.every((one) => before.includes(one)) &&
    JSON.stringify(acceptedNames) === JSON.stringify(crd.status?.acceptedNames);
  return same ? undefined : { acceptedNames, conditions: [...conditions, ...others] };
}

function condition(
  type: string,
  status: 'True' | 'False',
  why: { readonly reason: string; readonly message: string },
): CustomResourceDefinitionCondition {
  return { type, status, ...why };
}

interface Conflict {
  readonly reason: string;
  readonly message: string;
}

function conflictOf(names: CustomResourceDefinitionNames, taken: TakenNames): Conflict | undefined {
  const inUse = (what: string, name: string): Conflict => ({
    reason: `${what}Conflict`,
    message: `${JSON.stringify(name)} is already in use`,
  });
  if (taken.resources.has(names.plural)) return inUse('Plural', names.plural);
  const { singular, shortNames = [], kind, listKind } = names;
  if (singular !== undefined && taken.resources.has(singular)) return inUse('Singular', singular);
  const short = shortNames.find((name) => taken.resources.has(name));
  if (short !== undefined) return inUse('ShortNames', short);
  if (taken.kinds.has(kind)) return inUse('Kind', kind);
  return listKind !== undefined && taken.kinds.has(listKind) ? inUse('ListKind', listKind) : undefined;
}
