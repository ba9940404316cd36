import { equalJson, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { qualifiedName } from '../../api/meta-validation.ts';
import { APPLY_CONFIGURATION, JSON_PATCH } from '../../cel/policy-environment.ts';
import { listOf, TYPES } from '../../cel/types.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { ExpressionCheck } from '../admission/expressions.ts';
import { isSet, validateAdmissionRules } from '../admission/rules.ts';
import { duplicate, invalid, notSupported, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { validateLabelSelector } from '../validation/selectors.ts';

const GROUP = 'admissionregistration.k8s.io';
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];

/** https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/ and mutating-admission-policy/ */
export const admissionPolicies: readonly Strategy[] = [
  policy('validatingadmissionpolicies', false, (check, spec) => [
    ...validateValidations(check, spec),
    ...validateAnnotations(check, spec),
  ]),
  policy('mutatingadmissionpolicies', true, validateMutations),
];

type CheckBody = (check: ExpressionCheck, spec: JsonObject) => ErrorDetail[];

function policy(resource: string, patches: boolean, body: CheckBody): Strategy {
  return {
    resource: `${resource}.${GROUP}`,
    generation: true,
    validate(object, { change }) {
      // What compiled once is not compiled again for a status or a label.
      if (change !== undefined && equalJson(change.old.spec, object.spec)) return [];
      return validatePolicy(object, patches, body);
    },
  };
}

function validatePolicy(object: Readonly<ApiObject>, patches: boolean, body: CheckBody): ErrorDetail[] {
  const spec = part(object, 'spec');
  const check = new ExpressionCheck({ hasParams: spec.paramKind !== undefined, patches });
  const before = [...validateParamKind(spec), ...validateConstraints(spec)];
  check.conditions(spec);
  check.variables(spec);
  const bodyDetails = body(check, spec);
  return [...before, ...check.details, ...bodyDetails];
}

function validateParamKind(spec: JsonObject): ErrorDetail[] {
  if (spec.paramKind === undefined) return [];
  const kind = part(spec, 'paramKind');
  return ['apiVersion', 'kind'].flatMap((name) =>
    text(kind, name) === '' ? [required(`spec.paramKind.${name}`)] : [],
  );
}

function validateConstraints(spec: JsonObject): ErrorDetail[] {
  const path = 'spec.matchConstraints';
  if (spec.matchConstraints === undefined) return [required(path)];
  const constraints = part(spec, 'matchConstraints');
  if (items(constraints, 'resourceRules').length === 0) return [required(`${path}.resourceRules`)];
  return [
    ...validateAdmissionRules(constraints, 'resourceRules', path),
    ...validateAdmissionRules(constraints, 'excludeResourceRules', path),
    ...validateLabelSelector(part(constraints, 'namespaceSelector'), `${path}.namespaceSelector`),
    ...validateLabelSelector(part(constraints, 'objectSelector'), `${path}.objectSelector`),
  ];
}

function validateValidations(check: ExpressionCheck, spec: JsonObject): ErrorDetail[] {
  const listed = items(spec, 'validations');
  if (listed.length === 0 && items(spec, 'auditAnnotations').length === 0)
    return [
      required('spec.validations', 'validations or auditAnnotations must contain at least one item'),
      required('spec.auditAnnotations', 'validations or auditAnnotations must contain at least one item'),
    ];
  return listed.flatMap((validation, index) => {
    const path = `spec.validations[${index}]`;
    check.expression(validation, 'expression', { path, returns: [TYPES.bool] });
    if (text(validation, 'messageExpression') !== '')
      check.expression(validation, 'messageExpression', { path, returns: [TYPES.string] });
    return [...validateMessage(validation, path), ...validateReason(validation, path)];
  });
}

function validateMessage(validation: JsonObject, path: string): ErrorDetail[] {
  const message = text(validation, 'message');
  const at = `${path}.message`;
  if (message === '') {
    const multiline = text(validation, 'expression').trim().includes('\n');
    return multiline && !isSet(validation, 'messageExpression')
      ? [required(at, 'message must be specified if expression contains line breaks')]
      : [];
  }
  if (message.trim() === '') return [invalid(at, message, 'message must be non-empty if specified')];
  return message.trim().includes('\n') ? [invalid(at, message, 'message must not contain line breaks')] : [];
}

function validateReason(validation: JsonObject, path: string): ErrorDetail[] {
  const reason = text(validation, 'reason');
  return reason === '' || REASONS.includes(reason) ? [] : [notSupported(`${path}.reason`, reason, REASONS)];
}

function validateAnnotations(check: ExpressionCheck, spec: JsonObject): ErrorDetail[] {
  const listed = items(spec, 'auditAnnotations');
  if (listed.length > LIMITS.auditAnnotations)
    return [
      invalid(
        'spec.auditAnnotations',
        listed.length,
        `must not have more than ${LIMITS.auditAnnotations} auditAnnotations`,
      ),
    ];
  const seen = new Set<string>();
  return listed.flatMap((annotation, index) => {
    const path = `spec.auditAnnotations[${index}]`;
    check.expression(annotation, 'valueExpression', { path, returns: [TYPES.string, TYPES.null] });
    const key = text(annotation, 'key');
    if (key === '') return [required(`${path}.key`)];
    const twice = seen.has(key) ? [duplicate(`${path}.key`, key)] : [];
    seen.add(key);
    return [...twice, ...qualifiedName(`x/${key}`).map((why) => invalid(`${path}.key`, key, why))];
  });
}

function validateMutations(check: ExpressionCheck, spec: JsonObject): ErrorDetail[] {
  const listed = items(spec, 'mutations');
  if (listed.length === 0) return [required('spec.mutations', 'mutations must contain at least one item')];
  return listed.flatMap((mutation, index) => {
    const path = `spec.mutations[${index}]`;
    const type = text(mutation, 'patchType');
    const apply = mutation.applyConfiguration !== undefined;
    const patch = mutation.jsonPatch !== undefined;
    if (type === 'ApplyConfiguration' || type === 'JSONPatch')
      return validateOf(check, mutation, { path, type, apply, patch });
    if (type === '') return [required(`${path}.patchType`)];
    return [notSupported(`${path}.patchType`, type, ['ApplyConfiguration', 'JSONPatch'])];
  });
}

/** A mutation has the part that its type names, and not the other. */
function validateOf(
  check: ExpressionCheck,
  mutation: JsonObject,
  has: {
    readonly path: string;
    readonly type: 'ApplyConfiguration' | 'JSONPatch';
    readonly apply: boolean;
    readonly patch: boolean;
  },
): ErrorDetail[] {
  const { path, type } = has;
  const isPatch = type === 'JSONPatch';
  const own = isPatch ? 'jsonPatch' : 'applyConfiguration';
  const other = isPatch ? 'applyConfiguration' : 'jsonPatch';
  const details: ErrorDetail[] = [];
  if (isPatch ? has.apply : has.patch)
    details.push({
      reason: 'FieldValueForbidden',
      field: `${path}.${other}`,
      message: `Forbidden: must not be specified when patchType is ${type}`,
    });
  if (isPatch ? !has.patch : !has.apply)
    return [...details, required(`${path}.${own}`, `must be specified when patchType is ${type}`)];
  const returns = isPatch ? [listOf(JSON_PATCH)] : [APPLY_CONFIGURATION];
  check.expression(part(mutation, own), 'expression', { path: `${path}.${own}`, returns });
  return details;
}
