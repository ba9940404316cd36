import { isIP } from 'node:net';
import type { JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1035Label, dns1123Label, dns1123Subdomain } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid, notSupported, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { immutable } from '../validation/immutable.ts';
import { portNameFaults, validatePortNumber } from '../validation/ports.ts';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export const ingresses: readonly Strategy[] = [
  {
    resource: 'ingresses.networking.k8s.io',
    generation: true,
    validate: validateIngress,
  },
  {
    resource: 'ingressclasses.networking.k8s.io',
    generation: true,
    defaults(ingressClass) {
      const parameters = part(part(ingressClass, 'spec'), 'parameters');
      if (text(parameters, 'name') !== '') parameters.scope ??= 'Cluster';
    },
    validate: validateClass,
    validateUpdate: (object, old) =>
      immutable({ next: part(object, 'spec'), before: part(old, 'spec'), path: 'spec' }, 'controller'),
  },
];

function validateIngress(ingress: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(ingress, 'spec');
  const rules = items(spec, 'rules');
  const details: ErrorDetail[] = [];
  for (const [index, tls] of items(spec, 'tls').entries())
    for (const [at, host] of listOf(tls, 'hosts').entries())
      details.push(...validateHost(String(host), `spec.tls[${index}].hosts[${at}]`));
  if (rules.length === 0 && spec.defaultBackend === undefined)
    details.push(invalid('spec', spec, 'either `defaultBackend` or `rules` must be specified'));
  if (spec.defaultBackend !== undefined)
    details.push(...validateBackend(part(spec, 'defaultBackend'), 'spec.defaultBackend'));
  for (const [index, rule] of rules.entries()) details.push(...validateRule(rule, `spec.rules[${index}]`));
  const name = spec.ingressClassName;
  if (typeof name === 'string')
    details.push(...dns1123Subdomain(name).map((why) => invalid('spec.ingressClassName', name, why)));
  const annotated = ingress.metadata.annotations?.[CLASS_ANNOTATION];
  if (annotated !== undefined && typeof name === 'string' && annotated !== name)
    details.push(
      invalid(
        `metadata.annotations[${CLASS_ANNOTATION}]`,
        annotated,
        'must match `ingressClassName` when both are specified',
      ),
    );
  return details;
}

function listOf(of: JsonObject, field: string): readonly unknown[] {
  const value = of[field];
  return Array.isArray(value) ? value : [];
}

function validateRule(rule: JsonObject, path: string): ErrorDetail[] {
  const host = text(rule, 'host');
  const details = host === '' ? [] : validateHost(host, `${path}.host`);
  const http = rule.http;
  if (http === undefined) return details;
  const paths = items(http, 'paths');
  if (paths.length === 0) details.push(required(`${path}.http.paths`));
  for (const [index, one] of paths.entries())
    details.push(...validatePath(one, `${path}.http.paths[${index}]`));
  return details;
}

function validateHost(host: string, field: string): ErrorDetail[] {
  if (isIP(host) !== 0) return [invalid(field, host, 'must be a DNS name, not an IP address')];
  const rest = host.startsWith('*.') ? host.slice(2) : host;
  if (host.includes('*') && rest.includes('*'))
    return [
      invalid(
        field,
        host,
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ),
    ];
  return dns1123Subdomain(rest).map((why) => invalid(field, host, why));
}

const FORBIDDEN_PARTS = ['//', '/./', '/../', '%2f', '%2F'];
const FORBIDDEN_ENDS = ['/..', '/.'];

function validatePath(one: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const { pathType } = one;
  const value = text(one, 'path');
  if (pathType === undefined) return [required(`${path}.pathType`, 'pathType must be specified')];
  if (pathType === 'Exact' || pathType === 'Prefix') {
    if (!value.startsWith('/')) details.push(invalid(`${path}.path`, value, 'must be an absolute path'));
    if (value !== '') {
      for (const bad of FORBIDDEN_PARTS)
        if (value.includes(bad)) details.push(invalid(`${path}.path`, value, `must not contain '${bad}'`));
      for (const bad of FORBIDDEN_ENDS)
        if (value.endsWith(bad)) details.push(invalid(`${path}.path`, value, `cannot end with '${bad}'`));
    }
  } else if (pathType === 'ImplementationSpecific') {
    if (value !== '' && !value.startsWith('/'))
      details.push(invalid(`${path}.path`, value, 'must be an absolute path'));
  } else
    details.push(notSupported(`${path}.pathType`, pathType, ['Exact', 'ImplementationSpecific', 'Prefix']));
  return [...details, ...validateBackend(part(one, 'backend'), `${path}.backend`)];
}

function validateBackend(backend: JsonObject, path: string): ErrorDetail[] {
  const { service, resource } = backend;
  if (service !== undefined && resource !== undefined)
    return [invalid(path, '', 'cannot set both resource and service backends')];
  if (service === undefined && resource === undefined)
    return [required(path, 'service or resource backend is required')];
  if (resource !== undefined) {
    const missing = (['kind', 'name'] as const).filter((field) => text(resource, field) === '');
    return missing.map((field) => required(`${path}.resource.${field}`));
  }
  const details: ErrorDetail[] = [];
  const name = text(service, 'name');
  if (name === '') details.push(required(`${path}.service.name`));
  else details.push(...dns1035Label(name).map((why) => invalid(`${path}.service.name`, name, why)));
  const port = part(service, 'port');
  const named = text(port, 'name');
  const { number = 0 } = port;
  if (named !== '' && number !== 0)
    details.push(invalid(path, '', 'cannot set both port name & port number'));
  else if (named !== '')
    details.push(...portNameFaults(named).map((why) => invalid(`${path}.service.port.name`, named, why)));
  else if (number !== 0) details.push(...validatePortNumber(number, `${path}.service.port.number`));
  else details.push(required(path, 'port name or number is required'));
  return details;
}

function validateClass(ingressClass: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(ingressClass, 'spec');
  const controller = text(spec, 'controller');
  const details: ErrorDetail[] = [];
  if (controller === '') details.push(required('spec.controller'));
  else details.push(...validateController(controller));
  if (spec.parameters === undefined) return details;
  const parameters = part(spec, 'parameters');
  const path = 'spec.parameters';
  for (const field of ['kind', 'name'] as const)
    if (text(parameters, field) === '') details.push(required(`${path}.${field}`));
  const { scope } = parameters;
  const namespace = text(parameters, 'namespace');
  if (scope !== 'Cluster' && scope !== 'Namespace')
    details.push(notSupported(`${path}.scope`, scope, ['Cluster', 'Namespace']));
  if (scope === 'Namespace' && namespace === '')
    details.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
  if (scope === 'Cluster' && parameters.namespace !== undefined)
    details.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  if (namespace !== '')
    details.push(...dns1123Label(namespace).map((why) => invalid(`${path}.namespace`, namespace, why)));
  return details;
}

/** `example.com/controller`, at most 250 characters. */
function validateController(controller: string): ErrorDetail[] {
  const field = 'spec.controller';
  if (controller.length > 250)
    return [{ reason: 'FieldValueTooLong', field, message: 'Too long: may not be more than 250 bytes' }];
  const [domain = '', ...rest] = controller.split('/');
  const path = rest.join('/');
  if (domain === '' || path === '')
    return [invalid(field, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const details = dns1123Subdomain(domain).map((why) => invalid(field, domain, why));
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(path))
    details.push(
      invalid(field, path, "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"),
    );
  return details;
}
