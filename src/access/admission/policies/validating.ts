import type { ApiObject, Kind } from '../../../api/kind.ts';
import type {
  AuditAnnotation,
  ValidatingAdmissionPolicySpec,
  Validation,
} from '../../../api/types.generated.ts';
import type { Program } from '../../../cel/cel.ts';
import { compilePolicyExpression, type Environment } from '../../../cel/policy-environment.ts';
import { TYPES } from '../../../cel/types.ts';
import type { Authorizer } from '../../authz/authorizer.ts';
import type { LiveView } from '../../live.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { activate, type Seen, seen } from './activation.ts';
import { Answers } from './answers.ts';
import { AnnotationCollector, auditFailure } from './audit.ts';
import { compileBinding, compilePolicy, type Policy } from './compile.ts';
import { type Denial, deniedBy } from './denied.ts';
import { callFor, type Invocation, namespaceObject } from './invocations.ts';
import { Policies } from './policies.ts';
import { type Outcome, validateOne } from './validate-one.ts';

/** What a ValidatingAdmissionPolicy has besides what all have. */
export interface Validations {
  readonly validations: readonly {
    readonly spec: Validation;
    readonly program: Program;
    readonly message: Program | undefined;
  }[];
  readonly annotations: readonly { readonly key: string; readonly program: Program }[];
}

function compileValidatingPolicy(object: Readonly<ApiObject>): Policy<Validations> {
  const spec = (object.spec ?? {}) as ValidatingAdmissionPolicySpec; // The registry conformed it.
  return compilePolicy(object, {
    patches: false,
    body: (environment) => ({
      validations: (spec.validations ?? []).map((validation) => compileValidation(validation, environment)),
      annotations: (spec.auditAnnotations ?? []).map((one) => compileAnnotation(one, environment)),
    }),
  });
}

function compileValidation(spec: Validation, environment: Environment): Validations['validations'][number] {
  const { expression, messageExpression } = spec;
  const program = compilePolicyExpression(expression, environment, [TYPES.bool]);
  if (messageExpression === undefined || messageExpression === '')
    return { spec, program, message: undefined };
  const plain = { ...environment, hasAuthorizer: false };
  return { spec, program, message: compilePolicyExpression(messageExpression, plain, [TYPES.string]) };
}

function compileAnnotation(
  { key, valueExpression }: AuditAnnotation,
  environment: Environment,
): Validations['annotations'][number] {
  const plain = { ...environment, hasAuthorizer: false };
  return { key, program: compilePolicyExpression(valueExpression, plain, [TYPES.string, TYPES.null]) };
}

const GROUP = 'admissionregistration.k8s.io';

/** https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/ */
export function validatingPolicies(live: LiveView, authorizer: () => Authorizer): AdmissionPlugin {
  const policies = new Policies(
    {
      policies: live.of(`validatingadmissionpolicies.${GROUP}`),
      bindings: live.of(`validatingadmissionpolicybindings.${GROUP}`),
    },
    { policy: compileValidatingPolicy, binding: compileBinding },
  );
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: () => policies.bound().length > 0,
    async validate(request) {
      const { invocations, misfits } = await callFor(policies.bound(), request, live);
      const denials: Denial[] = misfits.filter(({ policy }) => !policy.failsOpen);
      if (invocations.length > 0) denials.push(...(await evaluateAll(invocations, request, authorizer)));
      const [first] = denials;
      if (first !== undefined) throw deniedBy(request, first);
    },
  };
}

async function evaluateAll(
  invocations: readonly Invocation<Validations>[],
  request: AdmissionRequest,
  authorizer: () => Authorizer,
): Promise<Denial[]> {
  const answers = new Answers(request, authorizer);
  const namespace = await namespaceObject(request);
  const collector = new AnnotationCollector();
  // Policies that look at the same version see the same.
  const versions = new Map<Kind, Seen>();
  const denials: Denial[] = [];
  for (const invocation of invocations) {
    const { as } = invocation;
    const objects = versions.get(as) ?? (await seen(request, as, namespace));
    versions.set(as, objects);
    const { parts, param } = invocation;
    const options = { answers, params: param, variables: parts.variables };
    const outcome = await answers.settle(() => validateOne(invocation, activate(objects, options)));
    denials.push(...act(invocation, outcome, request));
    for (const { key, value } of outcome.annotations)
      collector.add(`${invocation.policy.name}/${key}`, value);
  }
  collector.publish(request);
  return denials;
}

/** Does what the binding says is to be done about what failed. */
function act(
  { policy, binding }: Invocation<Validations>,
  { failures, annotationFaults }: Outcome,
  request: AdmissionRequest,
): Denial[] {
  const denials: Denial[] = [];
  for (const failure of failures) {
    for (const action of binding.actions) {
      if (action === 'Deny') denials.push({ policy, binding, ...failure });
      if (action === 'Audit') auditFailure(request, { policy, binding, failure });
      if (action === 'Warn')
        request.warn(
          `Validation failed for ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}': ${failure.message}`,
        );
    }
  }
  return [...denials, ...annotationFaults.map((message) => ({ policy, binding, message }))];
}
