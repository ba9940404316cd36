import type { ApiObject } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid, required } from '../field-errors.ts';
import { ensure, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';

/** Who answers for a group and version: https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/ */
export const apiServices: Strategy = {
  resource: 'apiservices.apiregistration.k8s.io',
  defaults(object) {
    const spec = ensure(object, 'spec');
    if (spec.service !== undefined) ensure(spec, 'service').port ??= 443;
  },
  validate(object) {
    const spec = part(object, 'spec');
    const details = [...validateName(object), ...validatePriorities(spec)];
    if (spec.service === undefined) {
      if (spec.insecureSkipTLSVerify === true)
        details.push(
          invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'),
        );
      if (text(spec, 'caBundle') !== '')
        details.push(invalid('spec.caBundle', '(elided)', 'local APIServices may not have a caBundle'));
      return details;
    }
    return [...details, ...validateService(spec)];
  },
};

function validateName(object: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(object, 'spec');
  const [group, version] = [text(spec, 'group'), text(spec, 'version')];
  const wanted = `${version}.${group}`;
  const details: ErrorDetail[] = [];
  if (object.metadata.name !== wanted)
    details.push(
      invalid(
        'metadata.name',
        object.metadata.name,
        `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`,
      ),
    );
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(version) || version.length > 63)
    details.push(invalid('spec.version', version, 'must be a DNS-1035 label'));
  if (
    group !== '' &&
    (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(group) || group.length > 253)
  )
    details.push(invalid('spec.group', group, 'must be a lowercase RFC 1123 subdomain'));
  return details;
}

function validatePriorities(spec: Readonly<Record<string, unknown>>): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const check = (field: string, most: number) => {
    const value = spec[field];
    if (typeof value !== 'number' || value <= 0 || value > most)
      details.push(invalid(`spec.${field}`, value ?? 0, `must be positive and less than ${most}`));
  };
  check('groupPriorityMinimum', 20_000);
  check('versionPriority', 1000);
  return details;
}

function validateService(spec: Readonly<Record<string, unknown>>): ErrorDetail[] {
  const service = part(spec, 'service');
  const details: ErrorDetail[] = [];
  if (text(spec, 'group') === '')
    details.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  if (text(service, 'namespace') === '') details.push(required('spec.service.namespace'));
  if (text(service, 'name') === '') details.push(required('spec.service.name'));
  const { port } = service;
  if (typeof port === 'number' && (port < 1 || port > 65_535))
    details.push(
      invalid('spec.service.port', port, 'port is not valid: must be between 1 and 65535, inclusive'),
    );
  if (spec.insecureSkipTLSVerify === true && text(spec, 'caBundle') !== '')
    details.push(invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  return details;
}
