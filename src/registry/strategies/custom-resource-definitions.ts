import { crdSchema } from '../../api/crd-schema.ts';
import { isJsonObject, type JsonObject } from '../../api/json.ts';
import { parseJsonPath } from '../../api/json-path.ts';
import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError, type ErrorDetail } from '../../lib/errors.ts';
import { duplicate, invalid, notSupported, required } from '../field-errors.ts';
import { ensure, items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';

/** Keeps a CRD that is being deleted until its objects are gone; upstream's name. */
const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';
const LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const GROUP = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/;

export const customResourceDefinitions: Strategy = {
  resource: 'customresourcedefinitions.apiextensions.k8s.io',
  generation: true,
  defaults(crd) {
    const spec = ensure(crd, 'spec');
    const names = ensure(spec, 'names');
    if (text(names, 'singular') === '') names.singular = text(names, 'kind').toLowerCase();
    if (text(names, 'listKind') === '') names.listKind = `${text(names, 'kind')}List`;
    spec.conversion ??= { strategy: 'None' };
  },
  prepareCreate(crd) {
    const finalizers = crd.metadata.finalizers ?? [];
    if (!finalizers.includes(CLEANUP)) crd.metadata.finalizers = [...finalizers, CLEANUP];
    noteStoredVersion(crd);
  },
  prepareUpdate: noteStoredVersion,
  validate: validateDefinition,
  validateUpdate(crd, old) {
    const spec = part(crd, 'spec');
    const before = part(old, 'spec');
    const details: ErrorDetail[] = [];
    for (const field of ['group', 'scope'])
      if (spec[field] !== before[field])
        details.push(invalid(`spec.${field}`, spec[field], 'field is immutable'));
    const kind = part(spec, 'names').kind;
    if (kind !== part(before, 'names').kind)
      details.push(invalid('spec.names.kind', kind, 'field is immutable'));
    const names = items(spec, 'versions').map(({ name }) => name);
    for (const version of storedVersions(old))
      if (!names.includes(version))
        details.push(
          invalid(
            'status.storedVersions[0]',
            version,
            'missing from spec.versions; objects are stored in it',
          ),
        );
    return details;
  },
};

/** A version that objects were ever stored in stays noted until somebody has rewritten them and says so. */
function noteStoredVersion(crd: ApiObject): void {
  const stored = items(part(crd, 'spec'), 'versions').find(({ storage }) => storage === true);
  if (stored === undefined) return;
  const known = storedVersions(crd);
  if (known.includes(stored.name)) return;
  // A frozen status belongs to the object as it was.
  crd.status = { ...part(crd, 'status'), storedVersions: [...known, stored.name] };
}

function storedVersions(crd: Readonly<ApiObject>): readonly unknown[] {
  const { storedVersions: versions } = part(crd, 'status');
  return Array.isArray(versions) ? versions : [];
}

function validateDefinition(crd: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(crd, 'spec');
  const plural = text(part(spec, 'names'), 'plural');
  const details = [...validateNames(spec), ...validateVersions(spec)];
  const wanted = `${plural}.${text(spec, 'group')}`;
  if (crd.metadata.name !== wanted)
    details.push(invalid('metadata.name', crd.metadata.name, 'must be spec.names.plural+"."+spec.group'));
  const strategy = text(part(spec, 'conversion'), 'strategy');
  if (strategy === 'Webhook')
    details.push(
      invalid('spec.conversion.strategy', strategy, 'conversion webhooks are not called yet: use None'),
    );
  else if (strategy !== 'None')
    details.push(notSupported('spec.conversion.strategy', strategy, ['None', 'Webhook']));
  if (spec.preserveUnknownFields === true)
    details.push(
      invalid(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    );
  return details;
}

function validateNames(spec: JsonObject): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const names = part(spec, 'names');
  const group = text(spec, 'group');
  if (group === '') details.push(required('spec.group'));
  else if (!GROUP.test(group) || group.length > 253)
    details.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  if (spec.scope !== 'Namespaced' && spec.scope !== 'Cluster')
    details.push(notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  const short = Array.isArray(names.shortNames) ? names.shortNames : [];
  const lower: readonly [string, unknown][] = [
    ['spec.names.plural', names.plural],
    ['spec.names.singular', names.singular],
    ...short.map((name, index): [string, unknown] => [`spec.names.shortNames[${index}]`, name]),
    ['spec.names.kind', String(names.kind ?? '').toLowerCase()],
    ['spec.names.listKind', String(names.listKind ?? '').toLowerCase()],
  ];
  for (const [field, name] of lower)
    if (typeof name !== 'string' || !LABEL.test(name) || name.length > 63)
      details.push(invalid(field, name, 'must be a DNS-1035 label'));
  if (names.kind === names.listKind)
    details.push(invalid('spec.names.listKind', names.listKind, 'kind and listKind may not be the same'));
  return details;
}

function validateVersions(spec: JsonObject): ErrorDetail[] {
  const versions = items(spec, 'versions');
  if (versions.length === 0) return [required('spec.versions')];
  const details: ErrorDetail[] = [];
  const seen = new Set<string>();
  for (const [index, version] of versions.entries()) {
    const at = `spec.versions[${index}]`;
    const name = text(version, 'name');
    if (!LABEL.test(name)) details.push(invalid(`${at}.name`, name, 'must be a DNS-1035 label'));
    if (seen.has(name)) details.push(duplicate(`${at}.name`, name));
    seen.add(name);
    details.push(...validateVersion(version, at));
  }
  if (versions.filter(({ storage }) => storage === true).length !== 1)
    details.push(
      invalid('spec.versions', [...seen], 'must have exactly one version marked as storage version'),
    );
  return details;
}

function validateVersion(version: JsonObject, at: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const schema = part(version, 'schema').openAPIV3Schema;
  if (!isJsonObject(schema)) details.push(required(`${at}.schema.openAPIV3Schema`, 'schemas are required'));
  else details.push(...faultsOf(() => void crdSchema(schema, `${at}.schema.openAPIV3Schema`), at));
  for (const [index, column] of items(version, 'additionalPrinterColumns').entries()) {
    const path = `${at}.additionalPrinterColumns[${index}].jsonPath`;
    details.push(...faultsOf(() => void parseJsonPath(text(column, 'jsonPath')), path));
  }
  return details;
}

/** What a parser says against its text, as details. */
function faultsOf(parse: () => void, field: string): readonly ErrorDetail[] {
  try {
    parse();
    return [];
  } catch (error) {
    if (!(error instanceof AmphoraError)) throw error;
    return error.details.length > 0 ? error.details : [invalid(field, '', error.message)];
  }
}
