import type { ApiObject } from '../../../api/kind.ts';
import type {
  MatchCondition,
  MatchResources,
  ParamKind,
  ParamRef,
  Variable as VariableSpec,
} from '../../../api/types.generated.ts';
import { compilePolicyExpression, type Environment } from '../../../cel/policy-environment.ts';
import type { CelType } from '../../../cel/types.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import type { Variable } from './activation.ts';
import { type Condition, compileConditions } from './conditions.ts';
import { compileMatch, type Match } from './match.ts';

/** What both kinds of policies have, compiled. `Body`: what a kind has besides. */
export interface Policy<Body> {
  readonly name: string;
  readonly match: Match;
  readonly paramKind: ParamKind | undefined;
  readonly failsOpen: boolean;
  /** Undefined, with the reason, when it cannot be evaluated, which counts as a failure. */
  readonly parts: PolicyParts<Body> | undefined;
  readonly broken: string;
}

export type PolicyParts<Body> = Body & {
  readonly conditions: readonly Condition[];
  readonly variables: readonly Variable[];
};

export interface Binding {
  readonly name: string;
  readonly policyName: string;
  readonly match: Match;
  readonly paramRef: ParamRef | undefined;
  /** Deny, Warn, Audit; a mutating policy's has none. */
  readonly actions: readonly string[];
}

interface PolicySpec {
  readonly failurePolicy?: string;
  readonly matchConditions?: readonly MatchCondition[];
  readonly matchConstraints?: MatchResources;
  readonly paramKind?: ParamKind;
  readonly variables?: readonly VariableSpec[];
}

/** The environment in which a policy's expressions are compiled, its variables included. */
function policyEnvironment(
  spec: PolicySpec,
  patches: boolean,
): { readonly environment: Environment; readonly variables: readonly Variable[] } {
  const types = new Map<string, CelType>();
  const environment: Environment = {
    patches,
    hasParams: spec.paramKind !== undefined,
    hasAuthorizer: true,
    variables: types,
  };
  const variables = (spec.variables ?? []).map(({ name, expression }) => {
    const program = compilePolicyExpression(expression, environment);
    types.set(name, program.type);
    return { name, program };
  });
  return { environment, variables };
}

/** A policy from its object; what does not compile, because another program wrote it, is kept as its fault. */
export function compilePolicy<Body extends object>(
  object: Readonly<ApiObject>,
  options: {
    readonly patches: boolean;
    readonly body: (environment: Environment) => Body;
  },
): Policy<Body> {
  const spec = (object.spec ?? {}) as PolicySpec; // The registry conformed it.
  const { patches, body } = options;
  const made = {
    name: object.metadata.name,
    match: compileMatch(spec.matchConstraints),
    paramKind: spec.paramKind,
    failsOpen: spec.failurePolicy === 'Ignore',
  };
  try {
    const { environment, variables } = policyEnvironment(spec, patches);
    const conditions = compileConditions(spec.matchConditions ?? [], environment);
    return { ...made, parts: { ...body(environment), conditions, variables }, broken: '' };
  } catch (error) {
    return { ...made, parts: undefined, broken: AmphoraError.from(error).message };
  }
}

export function compileBinding(object: Readonly<ApiObject>): Binding {
  // The registry conformed it; a mutating one has no actions.
  const spec = object.spec as {
    policyName?: string;
    matchResources?: MatchResources;
    paramRef?: ParamRef;
    validationActions?: string[];
  };
  return {
    name: object.metadata.name,
    policyName: spec.policyName ?? '',
    match: compileMatch(spec.matchResources),
    paramRef: spec.paramRef,
    actions: spec.validationActions ?? [],
  };
}
