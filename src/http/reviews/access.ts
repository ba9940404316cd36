import type { Attributes } from '../../access/authz/authorizer.ts';
import type { User } from '../../access/user.ts';
import type { ApiObject } from '../../api/kind.ts';
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SubjectAccessReview,
} from '../../api/types.generated.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { RequestContext } from '../../registry/registry.ts';
import type { Review, ReviewParts } from './all.ts';

type Spec = Pick<SubjectAccessReview['spec'], 'nonResourceAttributes' | 'resourceAttributes'>;

/** `kubectl auth can-i`: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access */
export const selfAccessReview: Review = async (object, { context, parts }) => {
  const { spec } = object as unknown as SelfSubjectAccessReview; // The registry conformed it.
  return await answer(object, { user: context.user, spec, context, parts });
};

export const subjectAccessReview: Review = async (object, { context, parts }) => {
  const { spec } = object as unknown as SubjectAccessReview; // The registry conformed it.
  return await answer(object, { user: subjectOf(spec), spec, context, parts });
};

/** Asks about one namespace, which the address names too. */
export const localAccessReview: Review = async (object, { namespace, context, parts }) => {
  const { spec } = object as unknown as LocalSubjectAccessReview; // The registry conformed it.
  const asked = spec.resourceAttributes;
  if (asked === undefined || asked.namespace !== namespace)
    throw invalid('spec.resourceAttributes.namespace', `must be ${JSON.stringify(namespace)}`);
  return await answer(object, { user: subjectOf(spec), spec, context, parts });
};

interface Question {
  readonly user: User;
  readonly spec: Spec;
  readonly context: RequestContext;
  readonly parts: ReviewParts;
}

async function answer(object: ApiObject, question: Question): Promise<ApiObject> {
  const { user, spec, context, parts } = question;
  const decision = await parts.authorizer().authorize(user, attributesOf(spec), context.signal);
  const reason = decision.reason === '' ? {} : { reason: decision.reason };
  const denied = decision.denied === true ? { denied: true } : {};
  return { ...object, status: { allowed: decision.allowed, ...denied, ...reason } };
}

function attributesOf({ resourceAttributes: asked, nonResourceAttributes: path }: Spec): Attributes {
  if ((asked === undefined) === (path === undefined))
    throw invalid(
      'spec.resourceAttributes',
      'exactly one of nonResourceAttributes or resourceAttributes must be specified',
    );
  if (path !== undefined) return { kind: 'path', verb: path.verb ?? '', path: path.path ?? '' };
  return {
    kind: 'resource',
    verb: asked?.verb ?? '',
    group: asked?.group ?? '',
    version: asked?.version ?? '',
    resource: asked?.resource ?? '',
    subresource: asked?.subresource ?? '',
    namespace: asked?.namespace ?? '',
    name: asked?.name ?? '',
    ...selectorOf('fieldSelector', asked?.fieldSelector),
    ...selectorOf('labelSelector', asked?.labelSelector),
  };
}

/** As a request would have written it. @throws Invalid when it is given in both forms */
function selectorOf(field: 'fieldSelector' | 'labelSelector', given: Selector | undefined) {
  const { rawSelector = '', requirements = [] } = given ?? {};
  if (rawSelector !== '' && requirements.length > 0)
    throw invalid(
      `spec.resourceAttributes.${field}.rawSelector`,
      'may not specified at the same time as requirements',
    );
  const text = requirements.length === 0 ? rawSelector : requirements.map(requirementText).join(',');
  return text === '' ? {} : { [field]: text };
}

interface Selector {
  readonly rawSelector?: string;
  readonly requirements?: ReadonlyArray<{ key: string; operator: string; values?: readonly string[] }>;
}

function requirementText({
  key,
  operator,
  values = [],
}: NonNullable<Selector['requirements']>[number]): string {
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  if (values.length === 1) return `${key}${operator === 'In' ? '=' : '!='}${values[0] ?? ''}`;
  return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
}

function subjectOf({ user = '', uid = '', groups = [], extra = {} }: SubjectAccessReview['spec']): User {
  if (user === '' && groups.length === 0)
    throw invalid('spec.user', 'at least one of user or group must be specified');
  return { name: user, uid, groups, extra };
}

function invalid(field: string, why: string): AmphoraError {
  return new AmphoraError('Invalid', `${field}: Invalid value: ${why}`, {
    details: [{ reason: 'FieldValueInvalid', field, message: `Invalid value: ${why}` }],
  });
}
