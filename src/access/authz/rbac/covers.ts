import type { PolicyRule } from '../../../api/types.generated.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';

/** One verb on one thing: what a rule is the product of. */
type Atom = PolicyRule & { readonly verbs: [string] };

/**
 * The parts of `wanted` that `owned` does not contain, so that nobody grants what they do not hold.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 * @throws Forbidden when the rules are a product too large to be looked through
 */
export function uncovered(
  owned: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): readonly PolicyRule[] {
  const missing: PolicyRule[] = [];
  let looked = 0;
  for (const rule of wanted)
    for (const atom of atoms(rule)) {
      if (++looked > LIMITS.rbacAtoms)
        throw new AmphoraError(
          'Forbidden',
          `the rules name more than ${LIMITS.rbacAtoms} combinations of verb, group and resource: too many to compare`,
        );
      if (!owned.some((own) => contains(own, atom))) missing.push(atom);
    }
  return missing;
}

function contains(owner: PolicyRule, atom: Atom): boolean {
  if (!hasAll(owner.verbs, atom.verbs)) return false;
  if (atom.nonResourceURLs !== undefined)
    return atom.nonResourceURLs.every((url) =>
      (owner.nonResourceURLs ?? []).some((own) => coversPath(own, url)),
    );
  return (
    hasAll(owner.apiGroups, atom.apiGroups ?? []) &&
    coversResources(owner.resources ?? [], atom.resources ?? []) &&
    coversNames(owner.resourceNames ?? [], atom.resourceNames ?? [])
  );
}

function hasAll(owned: readonly string[] | undefined, wanted: readonly string[]): boolean {
  if (owned?.includes('*')) return true;
  return wanted.every((one) => owned?.includes(one));
}

function coversResources(owned: readonly string[], wanted: readonly string[]): boolean {
  if (owned.includes('*')) return true;
  return wanted.every((resource) => {
    if (owned.includes(resource)) return true;
    const slash = resource.indexOf('/');
    return slash >= 0 && owned.includes(`*${resource.slice(slash)}`);
  });
}

/** No names means every name. */
function coversNames(owned: readonly string[], wanted: readonly string[]): boolean {
  if (owned.length === 0) return true;
  return wanted.length > 0 && wanted.every((name) => owned.includes(name));
}

function coversPath(owned: string, wanted: string): boolean {
  if (owned === '*' || owned === wanted) return true;
  return owned.endsWith('*') && wanted.startsWith(owned.replace(/\*+$/, ''));
}

function* atoms(rule: PolicyRule): Generator<Atom> {
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs ?? []) yield { verbs: [verb], nonResourceURLs: [url] };
    for (const group of rule.apiGroups ?? [])
      for (const resource of rule.resources ?? []) {
        const atom = { verbs: [verb] as [string], apiGroups: [group], resources: [resource] };
        if ((rule.resourceNames ?? []).length === 0) yield atom;
        else for (const name of rule.resourceNames ?? []) yield { ...atom, resourceNames: [name] };
      }
  }
}

/** Joins the verbs of rules that are about the same single resource. */
export function compact(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const joined = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const rule of rules) {
    const isSimple =
      (rule.nonResourceURLs ?? []).length === 0 &&
      rule.apiGroups?.length === 1 &&
      rule.resources?.length === 1 &&
      (rule.resourceNames?.length ?? 0) <= 1;
    if (!isSimple) {
      others.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames ?? []]);
    const known = joined.get(key);
    if (known === undefined) joined.set(key, { ...rule, verbs: [...rule.verbs] });
    else known.verbs = [...new Set([...known.verbs, ...rule.verbs])];
  }
  return [...others, ...joined.values()];
}

/** A rule as upstream's messages write it: `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`. */
export function describeRule(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  const shown = parts.flatMap(([name, values]) =>
    values === undefined || values.length === 0 ? [] : [`${name}:${quotedList(values)}`],
  );
  return `{${shown.join(', ')}}`;
}

/** As Go's %q prints a list. */
export function quotedList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}
