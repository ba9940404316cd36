import type { ErrorDetail } from '../lib/errors.ts';
import { KIB } from '../lib/limits.ts';
import { managerDetails } from './field-manager.ts';
import type { Kind, ObjectMeta } from './kind.ts';
import { type Entry, storedEntries } from './managed-fields/entry.ts';

/** What is wrong with a text, in upstream's words; empty when nothing is. */
export type Rule = (value: string) => readonly string[];

const ANNOTATION_BYTES = 256 * KIB;

const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART_TEXT =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** A host name's part, at most 63 characters. */
export function dns1123Label(value: string): readonly string[] {
  return [...tooLong(value, 63), ...(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(value) ? [] : [LABEL_TEXT])];
}

/** A host name, at most 253 characters. */
export function dns1123Subdomain(value: string): readonly string[] {
  const fits = value.split('.').every((part) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(part));
  return [...tooLong(value, 253), ...(fits ? [] : [SUBDOMAIN_TEXT])];
}

/** As {@link dns1123Label}, but it starts with a letter. */
export function dns1035Label(value: string): readonly string[] {
  return [...tooLong(value, 63), ...(/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(value) ? [] : [LABEL_1035_TEXT])];
}

/** A name that may stand as a segment of a URL's path: RBAC's names. */
export function pathSegmentName(value: string): readonly string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((each) => value.includes(each)).map((each) => `may not contain '${each}'`);
}

/** Keys of labels and annotations: `[prefix/]name`. */
export function qualifiedName(value: string): readonly string[] {
  const parts = value.split('/');
  const name = parts.at(-1) ?? '';
  const messages: string[] = [];
  if (parts.length > 2) {
    return [
      `a qualified name ${NAME_PART_TEXT.slice('name part '.length)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    if (prefix === '') messages.push('prefix part must be non-empty');
    else messages.push(...dns1123Subdomain(prefix).map((message) => `prefix part ${message}`));
  }
  if (name === '') messages.push('name part must be non-empty');
  else messages.push(...tooLong(name, 63).map((message) => `name part ${message}`));
  if (!/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name)) messages.push(NAME_PART_TEXT);
  return messages;
}

export function labelValue(value: string): readonly string[] {
  const fits = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(value);
  return [...tooLong(value, 63), ...(fits ? [] : [VALUE_TEXT])];
}

/** How objects of a kind may be called. */
export function nameRuleOf(kind: Pick<Kind, 'group' | 'resource'>): Rule {
  if (kind.group === 'rbac.authorization.k8s.io') return pathSegmentName;
  if (kind.group === '' && kind.resource === 'namespaces') return dns1123Label;
  // Since 1.34 upstream also lets a service start with a digit; DNS clients do not mind.
  if (kind.group === '' && kind.resource === 'services') return dns1035Label;
  if (kind.resource === 'ipaddresses' || kind.group === 'apiregistration.k8s.io') return pathSegmentName;
  return kind.resource === 'certificatesigningrequests' ? pathSegmentName : dns1123Subdomain;
}

/** Checks `metadata` of an object whose name is final (after `generateName`). */
export function validateObjectMeta(
  meta: ObjectMeta,
  kind: Pick<Kind, 'group' | 'resource' | 'namespaced'>,
): readonly ErrorDetail[] {
  return [
    ...validateMeta(meta, { rule: nameRuleOf(kind), namespaced: kind.namespaced }),
    ...storedEntries({ metadata: meta }).flatMap(entryDetails),
  ];
}

/** As {@link validateObjectMeta}, of what may be called as `rule` says. */
export function validateMeta(
  meta: ObjectMeta,
  { rule, namespaced }: { readonly rule: Rule; readonly namespaced: boolean },
): readonly ErrorDetail[] {
  return [
    ...nameDetails(meta, rule),
    ...namespaceDetails(meta.namespace ?? '', namespaced),
    ...labelDetails(meta.labels ?? {}, 'metadata.labels'),
    ...annotationDetails(meta.annotations ?? {}, 'metadata.annotations'),
    ...ownerDetails(meta),
    ...(meta.finalizers ?? []).flatMap((name, index) =>
      qualifiedName(name).map((why) => invalid(`metadata.finalizers[${index}]`, name, why)),
    ),
  ];
}

const LONGEST_SUBRESOURCE = 256;

function entryDetails({ manager = '', subresource = '' }: Entry, index: number): ErrorDetail[] {
  const at = `metadata.managedFields[${index}]`;
  const details = managerDetails(manager, `${at}.manager`);
  if (Buffer.byteLength(subresource) <= LONGEST_SUBRESOURCE) return details;
  const message = `Too long: may not be more than ${LONGEST_SUBRESOURCE} bytes`;
  return [...details, { reason: 'FieldValueTooLong', field: `${at}.subresource`, message }];
}

/** Keys and values of a map of labels that stands at `path`. */
export function labelDetails(labels: Readonly<Record<string, string>>, path: string): ErrorDetail[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedName(key).map((why) => invalid(path, key, why)),
    ...labelValue(value).map((why) => invalid(path, value, why)),
  ]);
}

function nameDetails(meta: ObjectMeta, rule: Rule): ErrorDetail[] {
  if (meta.name === undefined || meta.name === '') {
    const message = 'Required value: name or generateName is required';
    return [{ reason: 'FieldValueRequired', field: 'metadata.name', message }];
  }
  return rule(meta.name).map((why) => invalid('metadata.name', meta.name, why));
}

function namespaceDetails(namespace: string, namespaced: boolean): ErrorDetail[] {
  const field = 'metadata.namespace';
  if (namespaced && namespace === '')
    return [{ reason: 'FieldValueRequired', field, message: 'Required value' }];
  if (!namespaced && namespace !== '') {
    return [{ reason: 'FieldValueForbidden', field, message: 'Forbidden: not allowed on this type' }];
  }
  return namespaced ? dns1123Label(namespace).map((why) => invalid(field, namespace, why)) : [];
}

/** Keys of a map of annotations that stands at `field`, and its size. */
export function annotationDetails(
  annotations: Readonly<Record<string, string>>,
  field: string,
): ErrorDetail[] {
  const bytes = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  const details = Object.keys(annotations).flatMap((key) =>
    qualifiedName(key.toLowerCase()).map((why) => invalid(field, key, why)),
  );
  if (bytes <= ANNOTATION_BYTES) return details;
  const message = `Too long: may not be more than ${ANNOTATION_BYTES} bytes`;
  return [...details, { reason: 'FieldValueTooLong', field, message }];
}

function ownerDetails({ ownerReferences = [] }: ObjectMeta): ErrorDetail[] {
  const details = ownerReferences.flatMap((owner, index) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((key) => (owner[key] ?? '') === '')
      .map((key) => invalid(`metadata.ownerReferences[${index}].${key}`, '', `${key} must not be empty`)),
  );
  const controllers = ownerReferences.filter((owner) => owner.controller === true);
  if (controllers.length < 2) return details;
  const names = controllers.map((owner) => `${owner.kind}/${owner.name}`).join(' and ');
  const why = `Only one reference can have Controller set to true. Found "true" in references for ${names}`;
  return [
    ...details,
    { reason: 'FieldValueInvalid', field: 'metadata.ownerReferences', message: `Invalid value: ${why}` },
  ];
}

function invalid(field: string, value: string, why: string): ErrorDetail {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${why}` };
}

function tooLong(value: string, most: number): string[] {
  return value.length > most ? [`must be no more than ${most} characters`] : [];
}
