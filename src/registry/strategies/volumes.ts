import { cloneJson, equalJson, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1123Subdomain, qualifiedName } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid, notSupported, required } from '../field-errors.ts';
import { part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { immutable } from '../validation/immutable.ts';
import { isLess, positiveQuantity } from '../validation/quantities.ts';
import { validateLabelSelector } from '../validation/selectors.ts';

/** What is to be kept longer than a pod: volumes, claims of them, and classes of both. */
export const volumes: readonly Strategy[] = [
  {
    resource: 'persistentvolumes',
    returnsDeleted: true,
    prepareCreate(volume) {
      volume.status = { phase: 'Pending' };
    },
    validate: validateVolume,
    validateUpdate: validateVolumeUpdate,
  },
  {
    resource: 'persistentvolumeclaims',
    returnsDeleted: true,
    prepareCreate(claim) {
      claim.status = { phase: 'Pending' };
    },
    validate: (claim) => validateClaimSpec(part(claim, 'spec'), 'spec'),
    validateUpdate: validateClaimUpdate,
  },
  {
    resource: 'storageclasses.storage.k8s.io',
    returnsDeleted: true,
    validate: validateClass,
    validateUpdate: validateClassUpdate,
  },
  {
    resource: 'volumeattachments.storage.k8s.io',
    returnsDeleted: true,
    validate: validateAttachment,
    validateUpdate: (object, old) => immutable({ next: object, before: old, path: '' }, 'spec'),
  },
  {
    resource: 'volumeattributesclasses.storage.k8s.io',
    returnsDeleted: true,
    validateUpdate: (object, old) =>
      immutable({ next: object, before: old, path: '' }, 'driverName', 'parameters'),
  },
];

const STORAGE = 'storage';
/** What stands in a volume's spec beside where its data is. */
const NOT_SOURCES: ReadonlySet<string> = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

function sourcesOf(spec: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(spec).filter(([field]) => !NOT_SOURCES.has(field)));
}

function validateVolume(volume: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(volume, 'spec');
  const details = validateModes(spec, 'spec', '');
  const capacity = part(spec, 'capacity');
  const names = Object.keys(capacity);
  if (names.length === 0) details.push(required('spec.capacity'));
  else if (names.length > 1 || names[0] !== STORAGE)
    details.push(notSupported('spec.capacity', capacity, [STORAGE]));
  for (const [name, amount] of Object.entries(capacity))
    details.push(...positiveQuantity(amount, `spec.capacity[${name}]`));
  const [source, ...others] = Object.keys(sourcesOf(spec));
  if (source === undefined) details.push(required('spec', 'must specify a volume type'));
  for (const other of others)
    details.push(forbidden(`spec.${other}`, 'may not specify more than 1 volume type'));
  if (source === 'local' && part(spec, 'nodeAffinity').required === undefined)
    details.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
  const path = text(part(spec, 'hostPath'), 'path');
  if (source === 'hostPath' && path === '') details.push(required('spec.hostPath.path'));
  if (path.split('/').includes('..'))
    details.push(invalid('spec.hostPath.path', path, "must not contain '..'"));
  if (path === '/' && spec.persistentVolumeReclaimPolicy === 'Recycle')
    details.push(
      forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"),
    );
  return [...details, ...validateClassName(spec, 'spec')];
}

function validateModes(spec: JsonObject, path: string, why: string): ErrorDetail[] {
  const modes = Array.isArray(spec.accessModes) ? spec.accessModes : [];
  if (modes.length === 0) return [required(`${path}.accessModes`, why)];
  if (modes.length === 1 || !modes.includes('ReadWriteOncePod')) return [];
  return [forbidden(`${path}.accessModes`, 'may not use ReadWriteOncePod with other access modes')];
}

function validateClassName(spec: JsonObject, path: string): ErrorDetail[] {
  const name = text(spec, 'storageClassName');
  if (name === '') return [];
  return dns1123Subdomain(name).map((why) => invalid(`${path}.storageClassName`, name, why));
}

function validateVolumeUpdate(volume: Readonly<ApiObject>, old: Readonly<ApiObject>): ErrorDetail[] {
  const next = part(volume, 'spec');
  const before = part(old, 'spec');
  const details: ErrorDetail[] = [];
  if (!equalJson(sourcesOf(next), sourcesOf(before)))
    details.push(
      forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'),
    );
  details.push(...immutable({ next, before, path: 'spec' }, 'volumeMode'));
  if (before.nodeAffinity !== undefined)
    details.push(...immutable({ next, before, path: 'spec' }, 'nodeAffinity'));
  return details;
}

/** Of a claim, and of a template of claims. */
export function validateClaimSpec(spec: JsonObject, path: string): ErrorDetail[] {
  const details = validateModes(spec, path, 'at least 1 access mode is required');
  const asked = part(part(spec, 'resources'), 'requests')[STORAGE];
  if (asked === undefined) details.push(required(`${path}.resources[${STORAGE}]`));
  else details.push(...positiveQuantity(asked, `${path}.resources[${STORAGE}]`));
  if (spec.selector !== undefined)
    details.push(...validateLabelSelector(part(spec, 'selector'), `${path}.selector`));
  return [...details, ...validateClassName(spec, path)];
}

const CLAIM_MAY =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

/** A claim can be bound once, and once bound grow. */
function validateClaimUpdate(claim: Readonly<ApiObject>, old: Readonly<ApiObject>): ErrorDetail[] {
  const next = cloneJson(part(claim, 'spec'));
  const before = part(old, 'spec');
  const details: ErrorDetail[] = [];
  if (text(before, 'volumeName') === '') next.volumeName = before.volumeName;
  if (before.storageClassName === undefined) next.storageClassName = undefined;
  const bound = part(old, 'status').phase === 'Bound';
  const asked = part(part(next, 'resources'), 'requests')[STORAGE];
  const had = part(part(before, 'resources'), 'requests')[STORAGE];
  if (bound) {
    next.resources = before.resources;
    next.volumeAttributesClassName = before.volumeAttributesClassName;
  }
  if (!equalJson(defined(next), defined(before))) details.push(forbidden('spec', CLAIM_MAY));
  const capacity = part(part(old, 'status'), 'capacity')[STORAGE];
  if (bound && isLess(asked, had) && (capacity === undefined || isLess(asked, capacity)))
    details.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  return details;
}

function defined(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined && value !== ''),
  );
}

function validateClass(storageClass: Readonly<ApiObject>): ErrorDetail[] {
  const provisioner = text(storageClass, 'provisioner');
  const details: ErrorDetail[] = [];
  if (provisioner === '') details.push(required('provisioner'));
  else
    details.push(
      ...qualifiedName(provisioner.toLowerCase()).map((why) => invalid('provisioner', provisioner, why)),
    );
  const parameters = Object.entries(part(storageClass, 'parameters'));
  if (parameters.length > 512)
    details.push({
      reason: 'FieldValueTooLong',
      field: 'parameters',
      message: 'Too long: may not be more than 512 bytes',
    });
  if (parameters.some(([name]) => name === ''))
    details.push(invalid('parameters', '', 'field can not be empty.'));
  return details;
}

function validateClassUpdate(next: Readonly<ApiObject>, before: Readonly<ApiObject>): ErrorDetail[] {
  const details = (['parameters', 'provisioner', 'reclaimPolicy'] as const)
    .filter((field) => !equalJson(next[field] ?? {}, before[field] ?? {}))
    .map((field) => forbidden(field, `updates to ${field} are forbidden.`));
  return [...details, ...immutable({ next, before, path: '' }, 'volumeBindingMode')];
}

function validateAttachment(attachment: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(attachment, 'spec');
  const details: ErrorDetail[] = [];
  for (const field of ['attacher', 'nodeName'] as const)
    if (text(spec, field) === '') details.push(required(`spec.${field}`));
  const source = part(spec, 'source');
  const given = ['persistentVolumeName', 'inlineVolumeSpec'].filter((field) => source[field] !== undefined);
  if (given.length === 0)
    details.push(
      required('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'),
    );
  if (given.length > 1)
    details.push(
      forbidden('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'),
    );
  return details;
}
