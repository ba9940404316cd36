import type { Kind } from '../../api/kind.ts';
import { matchesLabels, type Selector } from '../../api/label-selector.ts';
import type { RuleWithOperations } from '../../api/types.generated.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { AdmissionRequest } from './admission.ts';

/** RuleWithOperations, with nothing missing. */
export interface Rule {
  readonly groups: readonly string[];
  readonly versions: readonly string[];
  readonly resources: readonly string[];
  readonly operations: readonly string[];
  readonly scope: string;
}

export function compileRule(rule: RuleWithOperations): Rule {
  return {
    groups: rule.apiGroups ?? [],
    versions: rule.apiVersions ?? [],
    resources: rule.resources ?? [],
    operations: rule.operations ?? [],
    scope: rule.scope ?? '*',
  };
}

/** What a webhook or policy is never asked about: those who could not be taken away again if they refused. */
const EXEMPT: ReadonlySet<string> = new Set([
  'validatingwebhookconfigurations',
  'mutatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
]);

export function isExempt({ kind }: AdmissionRequest): boolean {
  return kind.group === 'admissionregistration.k8s.io' && EXEMPT.has(kind.resource);
}

/**
 * The resource by which the rules match: as it was asked for, or, where equivalents count, another version of the
 * same objects. Undefined when no rule matches.
 */
export function matchRules(
  request: AdmissionRequest,
  { rules, isEquivalent }: { readonly rules: readonly Rule[]; readonly isEquivalent: boolean },
): Kind | undefined {
  if (rules.some((rule) => matchesRule(rule, request, request.asked))) return request.asked;
  if (!isEquivalent || !rules.some((rule) => isNear(rule, request))) return undefined;
  const others = equivalents(request);
  for (const rule of rules) {
    const found = others.find((kind) => matchesRule(rule, request, kind));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a rule would match if only the version, or the group, were another. */
function isNear(rule: Rule, request: AdmissionRequest): boolean {
  return matchesOperation(rule, request) && matchesResource(rule, request) && matchesScope(rule, request);
}

function matchesRule(rule: Rule, request: AdmissionRequest, { group, version }: Kind): boolean {
  return has(rule.groups, group) && has(rule.versions, version) && isNear(rule, request);
}

function matchesOperation({ operations }: Rule, { operation }: AdmissionRequest): boolean {
  return has(operations, operation);
}

function has(names: readonly string[], name: string): boolean {
  return names.includes('*') || names.includes(name);
}

/** `pods`, `pods/*`, `*`, `*` + `/scale`: a name without a slash is no subresource. */
function matchesResource({ resources }: Rule, { kind, subresource }: AdmissionRequest): boolean {
  return resources.some((each) => {
    const slash = each.indexOf('/');
    const resource = slash < 0 ? each : each.slice(0, slash);
    const sub = slash < 0 ? '' : each.slice(slash + 1);
    return (resource === '*' || resource === kind.resource) && (sub === '*' || sub === subresource);
  });
}

function matchesScope({ scope }: Rule, { kind }: AdmissionRequest): boolean {
  if (scope === '*') return true;
  return scope === (kind.namespaced ? 'Namespaced' : 'Cluster');
}

/** Other versions, and for events the other group, under which the same objects are served. */
function equivalents({ asked, kind, kinds }: AdmissionRequest): readonly Kind[] {
  return kinds
    .all()
    .filter(
      (each) =>
        each !== asked &&
        each.resource === kind.resource &&
        (each.storageGroup ?? each.group) === kind.group &&
        each.storageVersion === kind.storageVersion,
    );
}

/** The namespace of the object; of a namespace its own name. */
export function namespaceOf({ kind, namespace, name }: AdmissionRequest): string {
  return isNamespace(kind) ? name : namespace;
}

function isNamespace(kind: Kind): boolean {
  return kind.group === '' && kind.resource === 'namespaces';
}

/**
 * Whether a namespace selector covers the request. What has no namespace is always covered.
 * @throws NotFound for a namespace that is not there.
 */
export async function matchesNamespace(request: AdmissionRequest, selector: Selector): Promise<boolean> {
  const name = namespaceOf(request);
  if (selector.length === 0 || name === '') return true;
  const { kind, operation, subresource, object, reader, signal } = request;
  if (isNamespace(kind) && subresource === '' && operation !== 'DELETE' && operation !== 'CONNECT')
    return matchesLabels(selector, object.metadata.labels);
  const found = await reader.get('namespaces', { namespace: '', name }, signal);
  if (found === undefined)
    throw new AmphoraError('NotFound', `namespaces ${JSON.stringify(name)} not found`, {
      about: { group: '', kind: 'namespaces', name },
    });
  return matchesLabels(selector, found.metadata.labels);
}

/** Whether an object selector covers the new object or the old one. */
export function matchesObject(request: AdmissionRequest, selector: Selector): boolean {
  if (selector.length === 0) return true;
  const { object, old, operation } = request;
  const is = operation !== 'DELETE' && object.metadata !== undefined;
  if (is && matchesLabels(selector, object.metadata.labels)) return true;
  return old !== undefined && matchesLabels(selector, old.metadata.labels);
}
