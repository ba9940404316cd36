import type { Attributes, ResourceAttributes } from '../authz/authorizer.ts';
import { ConfigReader } from '../config-reader.ts';
import type { User } from '../user.ts';

const CONFIG = new ConfigReader('audit policy');

/** How much of a request is written down; each holds what those before it hold. */
export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof LEVELS)[number];

export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditStage = (typeof STAGES)[number];

export interface AuditDecision {
  readonly level: AuditLevel;
  readonly omit: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

/** https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-Policy */
export interface AuditPolicy {
  /** The first rule that matches decides; without one nothing is written. */
  decide(user: User, attributes: Attributes): AuditDecision;
}

interface Rule {
  readonly decision: AuditDecision;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly namespaces: readonly string[];
  readonly resources: readonly GroupResources[];
  readonly nonResourceURLs: readonly string[];
}

interface GroupResources {
  readonly group: string;
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
}

const NOTHING: AuditDecision = { level: 'None', omit: new Set(), omitManagedFields: false };

/** Whose bodies are credentials. They are written down only by a rule that names them. */
const CREDENTIALS: ReadonlySet<string> = new Set([
  '/secrets',
  '/serviceaccounts/token',
  'authentication.k8s.io/tokenreviews',
]);

const RULE_FIELDS = [
  'level',
  'users',
  'userGroups',
  'verbs',
  'resources',
  'namespaces',
  'nonResourceURLs',
  'omitStages',
  'omitManagedFields',
];

/** @param value a decoded policy @throws BadRequest with the field that is wrong */
export function readAuditPolicy(value: unknown): AuditPolicy {
  const policy = CONFIG.fields(value, 'policy', [
    'apiVersion',
    'kind',
    'metadata',
    'rules',
    'omitStages',
    'omitManagedFields',
  ]);
  if (policy.kind !== 'Policy' || policy.apiVersion !== 'audit.k8s.io/v1')
    throw CONFIG.wrong('policy', 'must be a Policy of audit.k8s.io/v1');
  if (!Array.isArray(policy.rules) || policy.rules.length === 0)
    throw CONFIG.wrong('rules', 'must hold at least one rule');
  const defaults = {
    omit: stages(policy.omitStages, 'omitStages'),
    managed: policy.omitManagedFields === true,
  };
  const rules = policy.rules.map((rule, index) => readRule(rule, `rules[${index}]`, defaults));
  return {
    decide: (user, attributes) => {
      const found = rules.find((rule) => matches(rule, user, attributes));
      if (found === undefined) return NOTHING;
      const isTooMuch = found.decision.level === 'Request' || found.decision.level === 'RequestResponse';
      return isTooMuch && holdsCredentials(attributes) && !names(found, attributes)
        ? { ...found.decision, level: 'Metadata' }
        : found.decision;
    },
  };
}

function readRule(
  value: unknown,
  at: string,
  defaults: { readonly omit: ReadonlySet<AuditStage>; readonly managed: boolean },
): Rule {
  const rule = CONFIG.fields(value, at, RULE_FIELDS);
  const level = LEVELS.find((one) => one === rule.level);
  if (level === undefined) throw CONFIG.wrong(`${at}.level`, `must be one of ${LEVELS.join(', ')}`);
  const nonResourceURLs = CONFIG.texts(rule.nonResourceURLs, `${at}.nonResourceURLs`);
  for (const [index, url] of nonResourceURLs.entries())
    if (url !== '*' && (!url.startsWith('/') || url.slice(0, -1).includes('*')))
      throw CONFIG.wrong(
        `${at}.nonResourceURLs[${index}]`,
        "must begin with '/', with a '*' only at its end",
      );
  const resources = CONFIG.list(rule.resources, `${at}.resources`).map((one, index) => {
    const place = `${at}.resources[${index}]`;
    const given = CONFIG.fields(one, place, ['group', 'resources', 'resourceNames']);
    return {
      group: typeof given.group === 'string' ? given.group : '',
      resources: CONFIG.texts(given.resources, `${place}.resources`),
      resourceNames: CONFIG.texts(given.resourceNames, `${place}.resourceNames`),
    };
  });
  const namespaces = CONFIG.texts(rule.namespaces, `${at}.namespaces`);
  if (nonResourceURLs.length > 0 && resources.length + namespaces.length > 0)
    throw CONFIG.wrong(
      `${at}.nonResourceURLs`,
      'rules cannot apply to both regular resources and non-resource URLs',
    );
  return {
    decision: {
      level,
      omit: new Set([...defaults.omit, ...stages(rule.omitStages, `${at}.omitStages`)]),
      omitManagedFields:
        typeof rule.omitManagedFields === 'boolean' ? rule.omitManagedFields : defaults.managed,
    },
    users: CONFIG.texts(rule.users, `${at}.users`),
    userGroups: CONFIG.texts(rule.userGroups, `${at}.userGroups`),
    verbs: CONFIG.texts(rule.verbs, `${at}.verbs`),
    namespaces,
    resources,
    nonResourceURLs,
  };
}

function matches(rule: Rule, user: User, attributes: Attributes): boolean {
  const { users, userGroups, verbs, nonResourceURLs, namespaces, resources } = rule;
  if (users.length > 0 && !users.includes(user.name)) return false;
  if (userGroups.length > 0 && !user.groups.some((group) => userGroups.includes(group))) return false;
  if (verbs.length > 0 && !verbs.includes(attributes.verb)) return false;
  if (attributes.kind === 'path')
    return namespaces.length + resources.length === 0 && matchesPath(nonResourceURLs, attributes.path);
  if (nonResourceURLs.length > 0) return false;
  if (namespaces.length > 0 && !namespaces.includes(attributes.namespace)) return false;
  return resources.length === 0 || resources.some((one) => matchesResource(one, attributes));
}

function matchesPath(urls: readonly string[], path: string): boolean {
  if (urls.length === 0) return true;
  return urls.some((url) => (url.endsWith('*') ? path.startsWith(url.slice(0, -1)) : path === url));
}

function matchesResource(rule: GroupResources, asked: ResourceAttributes): boolean {
  if (rule.group !== asked.group) return false;
  if (rule.resources.length === 0) return true;
  if (rule.resourceNames.length > 0 && !rule.resourceNames.includes(asked.name)) return false;
  const { resource, subresource } = asked;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  return rule.resources.some(
    (one) =>
      one === '*' ||
      one === whole ||
      (subresource !== '' && (one === `${resource}/*` || one === `*/${subresource}`)),
  );
}

function keyOf({ group, resource, subresource }: ResourceAttributes): string {
  return `${group}/${resource}${subresource === '' ? '' : `/${subresource}`}`;
}

function holdsCredentials(attributes: Attributes): boolean {
  return attributes.kind === 'resource' && CREDENTIALS.has(keyOf(attributes));
}

function names(rule: Rule, attributes: Attributes): boolean {
  if (attributes.kind === 'path') return false;
  const { group, resources } = { group: attributes.group, resources: rule.resources };
  return resources.some(
    (one) => one.group === group && one.resources.some((name) => `${group}/${name}` === keyOf(attributes)),
  );
}

function stages(value: unknown, at: string): ReadonlySet<AuditStage> {
  return new Set(
    CONFIG.texts(value, at).map((text) => {
      const stage = STAGES.find((one) => one === text);
      if (stage === undefined) throw CONFIG.wrong(at, `must hold only ${STAGES.join(', ')}`);
      return stage;
    }),
  );
}
