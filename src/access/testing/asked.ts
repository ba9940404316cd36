import type { Attributes } from '../authz/authorizer.ts';

/**
 * What a request asks for, in one line: `get pods/log ns/name ?selector`, where the resource may carry its group as
 * `leases.coordination.k8s.io`; or `get /path`.
 */
export function asked(text: string): Attributes {
  const [verb = '', what = '', where = '', selector] = text.split(' ');
  if (what.startsWith('/')) return { kind: 'path', verb, path: what };
  const [qualified = '', subresource = ''] = what.split('/');
  const [resource = '', ...group] = qualified.split('.');
  const [namespace = '', name = ''] = where.split('/');
  return {
    kind: 'resource',
    verb,
    group: group.join('.'),
    version: 'v1',
    resource,
    subresource,
    namespace,
    name,
    ...(selector === undefined ? {} : { fieldSelector: selector }),
  };
}
