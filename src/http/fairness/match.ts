import type { Attributes } from '../../access/authz/authorizer.ts';
import type { User } from '../../access/user.ts';
import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '../../api/types.generated.ts';

export type Matcher = (user: User, attributes: Attributes) => boolean;

/** Whether a request is one of the schema's; made once, when the schema changes. */
export function matcherOf(schema: FlowSchema): Matcher {
  const rules = (schema.spec?.rules ?? []).map(ruleMatcher);
  return (user, attributes) => rules.some((matches) => matches(user, attributes));
}

function ruleMatcher({
  subjects,
  resourceRules = [],
  nonResourceRules = [],
}: PolicyRulesWithSubjects): Matcher {
  const whom = subjects.map(subjectMatcher);
  const resources = resourceRules.map(resourceMatcher);
  const paths = nonResourceRules.map(pathMatcher);
  return (user, attributes) => {
    if (!whom.some((matches) => matches(user))) return false;
    return attributes.kind === 'resource'
      ? resources.some((matches) => matches(attributes))
      : paths.some((matches) => matches(attributes));
  };
}

function subjectMatcher(subject: Subject): (user: User) => boolean {
  const { kind } = subject;
  if (kind === 'User') return ({ name }) => isOrAll(subject.user?.name, name);
  if (kind === 'Group')
    return ({ groups }) => subject.group?.name === '*' || groups.includes(subject.group?.name ?? '');
  const { namespace = '', name = '' } = subject.serviceAccount ?? {};
  const prefix = `system:serviceaccount:${namespace}:`;
  return name === '*'
    ? (user) => user.name.startsWith(prefix) && !user.name.includes(':', prefix.length)
    : (user) => user.name === prefix + name;
}

type OfKind<Name> = Extract<Attributes, { kind: Name }>;

function resourceMatcher(rule: ResourcePolicyRule): (attributes: OfKind<'resource'>) => boolean {
  const [verbs, groups, resources, namespaces] = [
    rule.verbs,
    rule.apiGroups,
    rule.resources,
    rule.namespaces ?? [],
  ].map(wordSet);
  return ({ verb, group, resource, subresource, namespace }) =>
    verbs?.(verb) === true &&
    groups?.(group) === true &&
    resources?.(subresource === '' ? resource : `${resource}/${subresource}`) === true &&
    (namespace === '' ? rule.clusterScope === true : namespaces?.(namespace) === true);
}

function pathMatcher(rule: NonResourcePolicyRule): (attributes: OfKind<'path'>) => boolean {
  const verbs = wordSet(rule.verbs);
  return ({ verb, path }) =>
    verbs(verb) &&
    rule.nonResourceURLs.some(
      (one) => one === '*' || one === path || (one.endsWith('/*') && path.startsWith(one.slice(0, -1))),
    );
}

function wordSet(words: readonly string[]): (word: string) => boolean {
  if (words.includes('*')) return () => true;
  const set = new Set(words);
  return (word) => set.has(word);
}

function isOrAll(wanted: string | undefined, name: string): boolean {
  return wanted === '*' || wanted === name;
}
