import { randomUUID } from 'node:crypto';
import { generateName } from '../api/generate-name.ts';
import { equalJson } from '../api/json.ts';
import { type ApiObject, apiVersionOf } from '../api/kind.ts';
import type { Clock } from '../lib/clock.ts';
import { toTime } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { convert } from './conversion.ts';
import type { StoredKind } from './parts.ts';
import type { CreateTarget } from './registry.ts';
import { hasStatus } from './status.ts';
import { withDefaults } from './walks.ts';

/**
 * The object to create, in the stored version, with the server's own fields set. Changes the one given; `own` is called
 * when it has its defaults and nothing else that the caller did not say.
 * @throws BadRequest when name, namespace or version are not those of the address.
 */
export function prepareCreate(
  kind: StoredKind,
  target: CreateTarget,
  options: { readonly object: ApiObject; readonly clock: Clock; readonly own: (object: ApiObject) => void },
): ApiObject {
  const { object } = options;
  object.metadata ??= { name: '' };
  checkAddress(kind, target, object);
  if ((object.metadata.resourceVersion ?? '') !== '')
    throw new AmphoraError('BadRequest', 'resourceVersion should not be set on objects to be created');
  object.apiVersion = apiVersionOf(kind.asked);
  object.kind = kind.asked.kind;
  const stored = convert(withDefaults(kind.asked, object), kind.stored);
  if (hasStatus(kind.stored)) delete stored.status;
  const { metadata } = stored;
  if ((metadata.name ?? '') === '' && (metadata.generateName ?? '') !== '')
    metadata.name = generateName(metadata.generateName ?? '');
  metadata.name ??= ''; // Validation says so; what computes from it finds a string.
  metadata.uid = randomUUID();
  metadata.creationTimestamp = toTime(options.clock.now());
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.resourceVersion;
  delete metadata.generation;
  if (kind.strategy.generation === true || isCustom(kind)) metadata.generation = 1;
  kind.strategy.defaults?.(stored);
  options.own(stored);
  kind.strategy.prepareCreate?.(stored);
  return stored;
}

/** After a webhook or a policy changed what is to be created: it may not say what the server says. */
export function prepareAgain(kind: StoredKind, object: ApiObject): void {
  if (hasStatus(kind.stored)) delete object.status;
  kind.strategy.prepareCreate?.(object);
}

/** The object to be written over `old`, both in the stored version; the server's own fields come from `old`. */
export function prepareUpdate(
  kind: StoredKind,
  options: { readonly object: ApiObject; readonly old: Readonly<ApiObject>; readonly subresource: string },
): ApiObject {
  const { object, old, subresource } = options;
  const { strategy } = kind;
  keepServerFields(object, old);
  if (subresource === 'status') {
    const keep = isCustom(kind) ? keepAllButStatusAlone : keepAllButStatus;
    (strategy.prepareStatus ?? keep)(object, old);
    return object;
  }
  if (subresource === '' && hasStatus(kind.stored)) copyField(object, old, 'status');
  if (subresource !== '') {
    const keep = strategy.subresources?.[subresource];
    if (keep === undefined)
      throw new AmphoraError('NotImplemented', `${strategy.resource}/${subresource} cannot be written yet`);
    keep(object, old);
  }
  strategy.defaults?.(object);
  strategy.prepareUpdate?.(object, old);
  if (old.metadata.generation !== undefined && !sameContent(kind, object, old))
    object.metadata.generation = old.metadata.generation + 1;
  return object;
}

/** What `/status` may change: the status and metadata other than labels and owners. */
export function keepAllButStatus(object: ApiObject, old: Readonly<ApiObject>): void {
  for (const field of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (field !== 'status' && field !== 'metadata') copyField(object, old, field);
  }
  copyField(object.metadata, old.metadata, 'labels');
  copyField(object.metadata, old.metadata, 'ownerReferences');
  copyField(object.metadata, old.metadata, 'finalizers');
}

/** What `/status` of a custom kind may change: no metadata either. */
function keepAllButStatusAlone(object: ApiObject, old: Readonly<ApiObject>): void {
  keepAllButStatus(object, old);
  const { managedFields } = object.metadata;
  object.metadata = { ...old.metadata, ...(managedFields === undefined ? {} : { managedFields }) };
}

export function copyField<T extends object>(to: T, from: Readonly<T>, field: keyof T): void {
  if (from[field] === undefined) delete to[field];
  else to[field] = from[field];
}

function keepServerFields(object: ApiObject, old: Readonly<ApiObject>): void {
  const { metadata } = object;
  metadata.name = old.metadata.name;
  for (const field of [
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'generateName',
  ] as const)
    copyField(metadata, old.metadata, field);
}

/** Custom resources count generations; built-in kinds say so in their strategy. */
function isCustom(kind: StoredKind): boolean {
  return kind.stored.custom !== undefined;
}

/** Whether nothing but metadata and status differs. The status of a custom kind that writes it with the rest counts. */
function sameContent(kind: StoredKind, a: Readonly<ApiObject>, b: Readonly<ApiObject>): boolean {
  const { metadata: _metadataA, status: statusA, ...restA } = a;
  const { metadata: _metadataB, status: statusB, ...restB } = b;
  if (!equalJson(restA, restB)) return false;
  return !isCustom(kind) || hasStatus(kind.stored) || equalJson(statusA, statusB);
}

/** Makes name and namespace those of the address. @throws BadRequest when they say otherwise. */
export function checkAddress(kind: StoredKind, target: CreateTarget, object: ApiObject): void {
  const { metadata } = object;
  if (kind.asked.namespaced) {
    metadata.namespace ??= target.namespace;
    if (metadata.namespace === '') metadata.namespace = target.namespace;
    if (metadata.namespace !== target.namespace)
      throw new AmphoraError(
        'BadRequest',
        `the namespace of the provided object does not match the namespace sent on the request (${metadata.namespace} is not ${target.namespace})`,
      );
  } else delete metadata.namespace;
  if (target.name === undefined || target.name === '') return;
  if ((metadata.name ?? '') === '') metadata.name = target.name;
  if (metadata.name !== target.name)
    throw new AmphoraError(
      'BadRequest',
      `the name of the object (${metadata.name}) does not match the name on the URL (${target.name})`,
    );
}
