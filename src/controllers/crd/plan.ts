import { approvalOf, isProtectedGroup } from '../../api/custom/approval.ts';
import { isCaBundle } from '../../api/custom/ca-bundle.ts';
import { structuralFaults } from '../../api/custom/structural-faults.ts';
import { equalJson, isJsonObject } from '../../api/json.ts';
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

type Condition = CustomResourceDefinitionCondition;

/** The status a CRD should have, or undefined when it has it. */
export function planStatus(crd: CustomResourceDefinition, world: CrdWorld): CrdStatus | undefined {
  const before = crd.status?.conditions ?? [];
  const { names, conflict } = acceptNames(crd, world.taken);
  const accepted = conflict === undefined;
  const wanted = [
    condition(
      'NamesAccepted',
      accepted,
      conflict ?? { reason: 'NoConflicts', message: 'no conflicts found' },
    ),
    established(crd, { accepted, served: world.served }),
    ...structural(crd),
    ...approval(crd),
  ];
  // What became true of the schema or the approval is taken back when it is not any more.
  const others = before.filter(({ type }) => !OWN.has(type));
  const conditions = wanted.map((one) => withTime(one, before, world.now));
  const same =
    before.length === conditions.length + others.length &&
    conditions.every((one) => before.includes(one)) &&
    JSON.stringify(names) === JSON.stringify(crd.status?.acceptedNames);
  return same ? undefined : { acceptedNames: names, conditions: [...conditions, ...others] };
}

/** What a CRD whose objects take their time to go says meanwhile; undefined when it says so. */
export function planTerminating(
  { status }: CustomResourceDefinition,
  now: string,
): Pick<CrdStatus, 'conditions'> | undefined {
  const before = status?.conditions ?? [];
  const wanted = withTime(
    condition('Terminating', true, {
      reason: 'InstanceDeletionInProgress',
      message: 'CustomResource deletion is in progress',
    }),
    before,
    now,
  );
  if (before.includes(wanted)) return undefined;
  return { conditions: [...before.filter(({ type }) => type !== 'Terminating'), wanted] };
}

const OWN: ReadonlySet<string> = new Set([
  'NamesAccepted',
  'Established',
  'NonStructuralSchema',
  'KubernetesAPIApprovalPolicyConformant',
]);

interface Why {
  readonly reason: string;
  readonly message: string;
}

function condition(type: string, holds: boolean, why: Why): Condition {
  return { type, status: holds ? 'True' : 'False', ...why };
}

/** When a condition came to be as it is; one that did not change at all is the same object. */
function withTime(one: Condition, before: readonly Condition[], now: string): Condition {
  const old = before.find(({ type }) => type === one.type);
  if (old?.status !== one.status) return { ...one, lastTransitionTime: now };
  if (old.reason === one.reason && old.message === one.message) return old;
  return { ...one, lastTransitionTime: old.lastTransitionTime ?? now };
}

/** Once established, a CRD stays so: names it was given stay its own. */
function established(
  crd: CustomResourceDefinition,
  { accepted, served }: { readonly accepted: boolean; readonly served: boolean },
): Condition {
  const old = crd.status?.conditions?.find(({ type }) => type === 'Established');
  if (old?.status === 'True') return old;
  if (!accepted)
    return condition('Established', false, {
      reason: 'NotAccepted',
      message: 'not all names are accepted',
    });
  const bundle = crd.spec.conversion?.webhook?.clientConfig?.caBundle ?? '';
  if (!isCaBundle(bundle))
    return condition('Established', false, {
      reason: 'InvalidCABundle',
      message: 'The conversion webhook CABundle is invalid',
    });
  const message = 'the initial names have been accepted';
  return condition('Established', served, {
    reason: served ? 'InitialNamesAccepted' : 'Installing',
    message,
  });
}

/** Only of what was stored before it was checked as it is now. */
function structural({ spec }: CustomResourceDefinition): Condition[] {
  const faults = spec.versions.flatMap(({ schema }, index) => {
    const source: unknown = schema?.openAPIV3Schema;
    return isJsonObject(source)
      ? structuralFaults(source, `spec.versions[${index}].schema.openAPIV3Schema`)
      : [];
  });
  if (faults.length === 0) return [];
  const lines = faults.map(({ field, message }) => `${field}: ${message}`);
  const message = lines.length === 1 ? String(lines[0]) : `[${lines.join(', ')}]`;
  return [condition('NonStructuralSchema', true, { reason: 'Violations', message })];
}

const APPROVALS = {
  approved: 'ApprovedAnnotation',
  bypassed: 'UnapprovedAnnotation',
  invalid: 'InvalidAnnotation',
  missing: 'MissingAnnotation',
} as const;

function approval({ metadata, spec }: CustomResourceDefinition): Condition[] {
  if (!isProtectedGroup(spec.group)) return [];
  const { state, reason: message } = approvalOf(metadata?.annotations);
  const type = 'KubernetesAPIApprovalPolicyConformant';
  return [condition(type, state === 'approved', { reason: APPROVALS[state], message })];
}

/** Each name that is free or the CRD's own already; of one that is taken, the CRD keeps the one it had. */
function acceptNames(
  { spec, status }: CustomResourceDefinition,
  taken: TakenNames,
): { readonly names: CustomResourceDefinitionNames; readonly conflict: Why | undefined } {
  const wanted = spec.names;
  const had = status?.acceptedNames ?? { kind: '', plural: '' };
  let conflict: Why | undefined;
  const refuse = (what: string, messages: readonly string[]) => {
    const message = messages.length === 1 ? String(messages[0]) : `[${messages.join(', ')}]`;
    conflict = { reason: `${what}Conflict`, message };
  };
  const choose = (what: string, key: NameKey, used: ReadonlySet<string>) => {
    const name = wanted[key];
    if (name === undefined || name === had[key] || !used.has(name)) return name;
    refuse(what, [inUse(name)]);
    return had[key];
  };
  const plural = choose('Plural', 'plural', taken.resources) ?? '';
  const singular = choose('Singular', 'singular', taken.resources);
  const shortNames = wanted.shortNames ?? [];
  const lost = shortNames.filter(
    (name) => had.shortNames?.includes(name) !== true && taken.resources.has(name),
  );
  if (lost.length > 0) refuse('ShortNames', lost.map(inUse));
  const short = lost.length > 0 ? had.shortNames : wanted.shortNames;
  const kind = choose('Kind', 'kind', taken.kinds) ?? '';
  const listKind = choose('ListKind', 'listKind', taken.kinds);
  const names = {
    ...(wanted.categories === undefined ? {} : { categories: wanted.categories }),
    kind,
    ...(listKind === undefined ? {} : { listKind }),
    plural,
    ...(short === undefined ? {} : { shortNames: short }),
    ...(singular === undefined ? {} : { singular }),
  };
  return { names: inOrderOf(had, names), conflict };
}

type NameKey = 'kind' | 'listKind' | 'plural' | 'singular';

function inUse(name: string): string {
  return `${JSON.stringify(name)} is already in use`;
}

/** The names that are there already where they are the same, so that comparing texts compares names. */
function inOrderOf(
  had: CustomResourceDefinitionNames,
  names: CustomResourceDefinitionNames,
): CustomResourceDefinitionNames {
  return equalJson(had, names) ? had : names;
}
