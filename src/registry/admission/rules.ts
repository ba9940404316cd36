import type { JsonObject } from '../../api/json.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid, notSupported, required } from '../field-errors.ts';
import { items, text } from '../fields.ts';

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

/** The rules at `path` of a policy, a binding or a webhook: what they match. */
export function validateAdmissionRules(of: JsonObject, name: string, path: string): ErrorDetail[] {
  return items(of, name).flatMap((rule, index) => validateRule(rule, `${path}.${name}[${index}]`));
}

function validateRule(rule: JsonObject, at: string): ErrorDetail[] {
  return [
    ...validateNames(rule, 'operations', at),
    ...texts(rule, 'operations').flatMap((one, i) =>
      OPERATIONS.includes(one) ? [] : [notSupported(`${at}.operations[${i}]`, one, OPERATIONS)],
    ),
    ...validateNames(rule, 'apiGroups', at),
    ...validateNames(rule, 'apiVersions', at),
    ...texts(rule, 'apiVersions').flatMap((one, i) =>
      one === '' ? [required(`${at}.apiVersions[${i}]`)] : [],
    ),
    ...validateResources(rule, at),
  ];
}

/** At least one, and `*` only alone. */
function validateNames(rule: JsonObject, name: string, at: string): ErrorDetail[] {
  const names = texts(rule, name);
  if (names.length === 0) return [required(`${at}.${name}`)];
  if (names.length > 1 && names.includes('*'))
    return [invalid(`${at}.${name}`, names, `if '*' is present, must not specify other ${WORDS[name]}`)];
  return [];
}

const WORDS: Readonly<Record<string, string>> = {
  operations: 'operations',
  apiGroups: 'API groups',
  apiVersions: 'API versions',
};

function validateResources(rule: JsonObject, at: string): ErrorDetail[] {
  const resources = texts(rule, 'resources');
  if (resources.length === 0) return [required(`${at}.resources`)];
  const details: ErrorDetail[] = [];
  const all = new Set(resources);
  for (const [i, resource] of resources.entries()) {
    const [name = '', sub] = resource.split('/');
    const path = `${at}.resources[${i}]`;
    if (resource === '') details.push(required(path));
    else if (sub !== undefined && sub !== '*' && all.has(`${name}/*`))
      details.push(invalid(path, resource, `if '${name}/*' is present, must not specify ${resource}`));
    else if (sub !== undefined && name !== '*' && all.has(`*/${sub}`))
      details.push(invalid(path, resource, `if '*/${sub}' is present, must not specify ${resource}`));
  }
  const isWild = all.has('*/*');
  if (isWild && resources.length > 1)
    details.push(
      invalid(`${at}.resources`, resources, "if '*/*' is present, must not specify other resources"),
    );
  const others = resources.filter((one) => !one.includes('/'));
  if (all.has('*') && others.length > 1)
    details.push(
      invalid(
        `${at}.resources`,
        resources,
        "if '*' is present, must not specify other resources without subresources",
      ),
    );
  return details;
}

/** The members of a list of texts. */
export function texts(of: JsonObject, name: string): string[] {
  const value = of[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

export function isSet(of: JsonObject, name: string): boolean {
  return text(of, name).trim() !== '';
}
