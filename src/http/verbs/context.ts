import { managerOf } from '../../api/field-manager.ts';
import type { Kind, Verb } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { RequestContext, ResourceTarget } from '../../registry/registry.ts';
import type { Exchange } from '../exchange.ts';
import type { CollectionRoute, ObjectRoute } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { methodNotAllowed, noSuchResource } from '../status.ts';

/** The kind that a route names, if it is served in that scope. @throws NotFound */
export function kindOf(services: Services, route: CollectionRoute | ObjectRoute): Kind {
  const kind = services.registry.kinds.find(route.group, route.version, route.resource);
  if (kind === undefined) throw noSuchResource();
  const isNamespace = kind.group === '' && kind.resource === 'namespaces';
  if (route.namespace !== '' && !kind.namespaced && !isNamespace) throw noSuchResource();
  if (route.type === 'object' && route.namespace === '' && kind.namespaced) throw noSuchResource();
  return kind;
}

export function targetOf(kind: Kind, route: ObjectRoute): ResourceTarget {
  return {
    kind,
    namespace: kind.namespaced ? route.namespace : '',
    name: route.name,
    ...(route.subresource === '' ? {} : { subresource: route.subresource }),
  };
}

/** @throws NotFound for a subresource that the kind has not, MethodNotAllowed for a verb that it has not. */
export function allowVerb(kind: Kind, verb: Verb, subresource = ''): void {
  if (subresource === '') {
    if (!kind.verbs.includes(verb)) throw methodNotAllowed();
    return;
  }
  const found = kind.subresources.find(({ name }) => name === subresource);
  if (found === undefined) throw noSuchResource();
  if (!found.verbs.includes(verb)) throw methodNotAllowed();
}

/** @throws BadRequest for options that are not valid. */
export function contextOf(exchange: Exchange): RequestContext {
  const { query, headers } = exchange;
  return {
    user: exchange.user,
    signal: exchange.signal,
    requestId: exchange.id,
    dryRun: dryRunOf(query.getAll('dryRun')),
    fieldManager: query.get('fieldManager') || managerOf(headers['user-agent']),
    fieldValidation: validationOf(query.get('fieldValidation')),
    warn: (message) => exchange.warn(message),
    annotate: (key, value) => exchange.audit?.annotate(key, value),
  };
}

/** @throws BadRequest when it is there and not a whole number. */
export function integerOption(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && /^-?\d+$/.test(text)) return value;
  throw new AmphoraError('BadRequest', `${name} must be a whole number, not ${JSON.stringify(text)}`);
}

export function booleanOption(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  return text !== null && text !== 'false' && text !== '0';
}

export function dryRunOf(values: readonly unknown[]): boolean {
  for (const value of values)
    if (value !== 'All')
      throw new AmphoraError(
        'BadRequest',
        `dryRun: Unsupported value: ${JSON.stringify(value)}: supported values: "All"`,
      );
  return values.length > 0;
}

function validationOf(value: string | null): RequestContext['fieldValidation'] {
  if (value === null || value === '') return 'Warn';
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value;
  throw new AmphoraError(
    'BadRequest',
    `fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Strict", "Warn"`,
  );
}
