import { AmphoraError } from '../../lib/errors.ts';
import type { DeleteOptions, ListOptions, WatchOptions } from '../../registry/registry.ts';
import { booleanOption, dryRunOf, integerOption } from './context.ts';

/** @throws BadRequest */
export function listOptionsOf(query: URLSearchParams): ListOptions {
  const limit = integerOption(query, 'limit');
  if (limit !== undefined && limit < 0) throw new AmphoraError('BadRequest', 'limit must not be negative');
  return {
    ...text(query, 'labelSelector'),
    ...text(query, 'fieldSelector'),
    ...text(query, 'continue'),
    ...text(query, 'resourceVersion'),
    ...text(query, 'resourceVersionMatch'),
    ...(limit === undefined || limit === 0 ? {} : { limit }),
    ...sendInitialEvents(query),
  };
}

function sendInitialEvents(query: URLSearchParams): { sendInitialEvents?: boolean } {
  return query.has('sendInitialEvents')
    ? { sendInitialEvents: booleanOption(query, 'sendInitialEvents') }
    : {};
}

/** @throws BadRequest */
export function watchOptionsOf(query: URLSearchParams): WatchOptions {
  const { limit: _limit, ...options } = listOptionsOf(query);
  return {
    resourceVersion: '',
    ...options,
    allowWatchBookmarks: booleanOption(query, 'allowWatchBookmarks'),
  };
}

export interface DeleteRequest {
  readonly options: DeleteOptions;
  readonly dryRun: boolean;
}

/** From the body, else from the query, as upstream takes them. @throws BadRequest */
export function deleteOptionsOf(query: URLSearchParams, body: unknown): DeleteRequest {
  const given = body === undefined ? fromQuery(query) : objectOf(body);
  const dryRun = Array.isArray(given.dryRun) ? given.dryRun : query.getAll('dryRun');
  return {
    options: {
      ...grace(given.gracePeriodSeconds),
      ...propagation(given),
      ...preconditions(given.preconditions),
    },
    dryRun: dryRunOf(dryRun),
  };
}

function objectOf(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new AmphoraError('BadRequest', 'the body must be a DeleteOptions object');
  const options = body as Record<string, unknown>; // Any JSON object is one.
  if (options.kind !== undefined && options.kind !== 'DeleteOptions')
    throw new AmphoraError(
      'BadRequest',
      `the body must be DeleteOptions, not ${JSON.stringify(options.kind)}`,
    );
  return options;
}

function fromQuery(query: URLSearchParams): Record<string, unknown> {
  return {
    gracePeriodSeconds: integerOption(query, 'gracePeriodSeconds'),
    propagationPolicy: query.get('propagationPolicy') ?? undefined,
    orphanDependents: query.has('orphanDependents') ? query.get('orphanDependents') === 'true' : undefined,
  };
}

function grace(value: unknown): Pick<DeleteOptions, 'gracePeriodSeconds'> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new AmphoraError('BadRequest', 'gracePeriodSeconds must be a whole number of seconds');
  return { gracePeriodSeconds: value };
}

/** apimachinery's ValidateDeleteOptions. @throws Invalid */
function propagation(given: Record<string, unknown>): Pick<DeleteOptions, 'propagationPolicy'> {
  const { propagationPolicy: value, orphanDependents } = given;
  if (value === undefined || value === null)
    return typeof orphanDependents === 'boolean'
      ? { propagationPolicy: orphanDependents ? 'Orphan' : 'Background' }
      : {};
  if (typeof orphanDependents === 'boolean')
    throw invalidOption(
      'FieldValueInvalid',
      `Invalid value: ${JSON.stringify(value)}: orphanDependents and deletionPropagation cannot be both set`,
    );
  if (value === 'Orphan' || value === 'Background' || value === 'Foreground')
    return { propagationPolicy: value };
  throw invalidOption(
    'FieldValueNotSupported',
    `Unsupported value: ${JSON.stringify(value)}: supported values: "Background", "Foreground", "Orphan", "nil"`,
  );
}

function invalidOption(reason: string, message: string): AmphoraError {
  const field = 'propagationPolicy';
  return new AmphoraError('Invalid', `DeleteOptions.meta.k8s.io "" is invalid: ${field}: ${message}`, {
    about: { group: 'meta.k8s.io', kind: 'DeleteOptions', name: '' },
    details: [{ reason, field, message }],
  });
}

function preconditions(value: unknown): Pick<DeleteOptions, 'preconditions'> {
  if (typeof value !== 'object' || value === null) return {};
  const { uid, resourceVersion } = value as Record<string, unknown>; // Checked field by field below.
  return {
    preconditions: {
      ...(typeof uid === 'string' && uid !== '' ? { uid } : {}),
      ...(typeof resourceVersion === 'string' && resourceVersion !== '' ? { resourceVersion } : {}),
    },
  };
}

function text<Name extends string>(query: URLSearchParams, name: Name): { [key in Name]?: string } {
  const value = query.get(name);
  // An object with one computed key has a wider type than the one key it has.
  return (value === null || value === '' ? {} : { [name]: value }) as { [key in Name]?: string };
}
