import { apiVersionOf, type Kind, type KindTable } from '../../api/kind.ts';
import type {
  ExpressionWarning,
  RuleWithOperations,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicySpec,
  ValidatingAdmissionPolicyStatus,
} from '../../api/types.generated.ts';
import { compilePolicyExpression, type Environment } from '../../cel/policy-environment.ts';
import { schemaType } from '../../cel/schema-type.ts';
import { type CelType, TYPES } from '../../cel/types.ts';
import { AmphoraError } from '../../lib/errors.ts';

/** Upstream's bound on the kinds that one policy is checked against. */
const MOST_KINDS = 10;

/** The status the policy is to have; undefined: it has it. */
export function planPolicyStatus(
  policy: ValidatingAdmissionPolicy,
  kinds: KindTable,
): ValidatingAdmissionPolicyStatus | undefined {
  const { generation } = policy.metadata ?? {};
  if (generation === undefined || policy.status?.observedGeneration === generation) return undefined;
  const warnings = checkTypes(policy.spec ?? {}, kinds);
  return {
    ...policy.status,
    observedGeneration: generation,
    typeChecking: warnings.length === 0 ? {} : { expressionWarnings: warnings },
  };
}

/**
 * What does not fit the types of the objects that the policy names, where it names them without wildcards. Warnings
 * only: a policy is evaluated on what comes.
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking
 */
export function checkTypes(spec: ValidatingAdmissionPolicySpec, kinds: KindTable): ExpressionWarning[] {
  const checked = kindsOf(spec, kinds).map((kind) => ({ kind, environment: typed(spec, kind, kinds) }));
  const warningOf = (source: string, field: string): ExpressionWarning[] => {
    const found = checked.flatMap(({ kind, environment }) => {
      const fault = faultOf(source, environment);
      return fault === undefined ? [] : [`${apiVersionOf(kind)}, Kind=${kind.kind}: ${fault}\n`];
    });
    return found.length === 0 ? [] : [{ fieldRef: field, warning: found.join('\n') }];
  };
  return (spec.validations ?? []).flatMap(({ expression, messageExpression = '' }, index) => [
    ...warningOf(expression, `spec.validations[${index}].expression`),
    ...(messageExpression === ''
      ? []
      : warningOf(messageExpression, `spec.validations[${index}].messageExpression`)),
  ]);
}

function typed(spec: ValidatingAdmissionPolicySpec, kind: Kind, kinds: KindTable): Environment {
  const { apiVersion = '', kind: name = '' } = spec.paramKind ?? {};
  const params = kinds.byKind(apiVersion, name);
  const variables = new Map<string, CelType>();
  const environment: Environment = {
    object: schemaType(kind.schema),
    ...(params === undefined ? {} : { params: schemaType(params.schema) }),
    hasParams: spec.paramKind !== undefined,
    hasAuthorizer: true,
    variables,
  };
  for (const variable of spec.variables ?? [])
    variables.set(variable.name, typeOf(variable.expression, environment));
  return environment;
}

/** Of a variable; any where it does not fit, so that it is complained of once. */
function typeOf(source: string, environment: Environment): CelType {
  try {
    return compilePolicyExpression(source, environment).type;
  } catch (error) {
    if (error instanceof AmphoraError) return TYPES.dyn;
    throw error;
  }
}

function faultOf(source: string, environment: Environment): string | undefined {
  try {
    compilePolicyExpression(source, environment);
    return undefined;
  } catch (error) {
    if (error instanceof AmphoraError) return error.message.replace(/^compilation failed: /, '');
    throw error;
  }
}

/** In the order of group, version and kind. */
function kindsOf({ matchConstraints }: ValidatingAdmissionPolicySpec, kinds: KindTable): Kind[] {
  const found = new Set((matchConstraints?.resourceRules ?? []).flatMap((rule) => namedIn(rule, kinds)));
  const order = ({ group, version, kind }: Kind) => `${group} ${version} ${kind}`;
  return [...found].sort((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, MOST_KINDS);
}

/** What a rule names; one with a wildcard for its groups or versions names nothing. */
function namedIn(rule: Partial<RuleWithOperations>, kinds: KindTable): Kind[] {
  const { apiGroups = [], apiVersions = [], resources = [] } = rule;
  if ([...apiGroups, ...apiVersions].some((name) => name.includes('*'))) return [];
  const plain = resources.filter((resource) => !/[*/]/.test(resource));
  return apiGroups.flatMap((group) =>
    apiVersions.flatMap((version) => plain.flatMap((resource) => kinds.find(group, version, resource) ?? [])),
  );
}
