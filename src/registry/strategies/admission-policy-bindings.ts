import type { JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1123Subdomain } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { texts, validateAdmissionRules } from '../admission/rules.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../field-errors.ts';
import { part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { validateLabelSelector } from '../validation/selectors.ts';

const GROUP = 'admissionregistration.k8s.io';
const ACTIONS = ['Audit', 'Deny', 'Warn'];

/** What puts a policy to use. */
export const admissionPolicyBindings: readonly Strategy[] = [
  {
    resource: `validatingadmissionpolicybindings.${GROUP}`,
    generation: true,
    validate: (object) => [...validateBinding(object), ...validateActions(part(object, 'spec'))],
  },
  {
    resource: `mutatingadmissionpolicybindings.${GROUP}`,
    generation: true,
    validate: (object) => validateBinding(object),
  },
];

function validateBinding(object: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(object, 'spec');
  const name = text(spec, 'policyName');
  const matched = part(spec, 'matchResources');
  return [
    ...(name === ''
      ? [required('spec.policyName')]
      : dns1123Subdomain(name).map((why) => invalid('spec.policyName', name, why))),
    ...(spec.paramRef === undefined ? [] : validateParamRef(part(spec, 'paramRef'))),
    ...validateAdmissionRules(matched, 'resourceRules', 'spec.matchResources'),
    ...validateAdmissionRules(matched, 'excludeResourceRules', 'spec.matchResources'),
    ...['namespaceSelector', 'objectSelector'].flatMap((name) =>
      validateLabelSelector(part(matched, name), `spec.matchResources.${name}`),
    ),
  ];
}

function validateParamRef(reference: JsonObject): ErrorDetail[] {
  const path = 'spec.paramRef';
  const hasName = text(reference, 'name') !== '';
  const hasSelector = reference.selector !== undefined;
  const action = text(reference, 'parameterNotFoundAction');
  const details: ErrorDetail[] = [];
  if (hasName && hasSelector)
    details.push(forbidden(`${path}.name`, 'name and selector are mutually exclusive'));
  if (!hasName && !hasSelector) details.push(required(path, 'one of name or selector must be specified'));
  if (action === '') details.push(required(`${path}.parameterNotFoundAction`));
  else if (action !== 'Allow' && action !== 'Deny')
    details.push(notSupported(`${path}.parameterNotFoundAction`, action, ['Deny', 'Allow']));
  details.push(...validateLabelSelector(part(reference, 'selector'), `${path}.selector`));
  return details;
}

function validateActions(spec: JsonObject): ErrorDetail[] {
  const path = 'spec.validationActions';
  const actions = texts(spec, 'validationActions');
  if (actions.length === 0) return [required(path)];
  const details = actions.flatMap((action, i) => [
    ...(ACTIONS.includes(action) ? [] : [notSupported(`${path}[${i}]`, action, ACTIONS)]),
    ...(actions.indexOf(action) < i ? [duplicate(`${path}[${i}]`, action)] : []),
  ]);
  if (actions.includes('Deny') && actions.includes('Warn'))
    details.push(
      invalid(
        path,
        actions,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  return details;
}
