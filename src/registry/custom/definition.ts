import { invalid, required } from '../../api/custom/faults.ts';
import { equalJson, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1035Label, dns1123Subdomain } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { items, part, text } from '../fields.ts';
import type { Validation } from '../strategy.ts';
import { approvalFaults } from './approval.ts';
import { conversionFaults } from './definition-conversion.ts';
import { isEstablished, storedVersions } from './definition-status.ts';
import { versionsFaults } from './definition-versions.ts';

/** What is wrong with a CustomResourceDefinition, at the paths and in the words of upstream. */
export function definitionFaults(crd: Readonly<ApiObject>, validation: Validation): ErrorDetail[] {
  const { change } = validation;
  const names = nameFaults(part(part(crd, 'status'), 'acceptedNames'), 'status.acceptedNames');
  if (change?.subresource === 'status') return [...names, ...storageFaults(crd)];
  const spec = part(crd, 'spec');
  const wanted = `${text(part(spec, 'names'), 'plural')}.${text(spec, 'group')}`;
  const faults: ErrorDetail[] = [];
  if (crd.metadata.name !== wanted)
    faults.push(invalid('metadata.name', crd.metadata.name, 'must be spec.names.plural+"."+spec.group'));
  // What was stored was looked at when it came in, and may have been right then.
  if (change === undefined || !equalJson(spec, change.old.spec)) faults.push(...specFaults(spec, validation));
  return [...faults, ...names, ...storedFaults(crd), ...approvalFaults(crd, change?.old)];
}

function specFaults(spec: JsonObject, validation: Validation): ErrorDetail[] {
  const old = validation.change?.old;
  return [
    ...groupFaults(text(spec, 'group')),
    ...scopeFaults(spec.scope),
    ...versionsFaults(spec, validation),
    ...requiredNames(part(spec, 'names')),
    ...nameFaults(part(spec, 'names'), 'spec.names'),
    ...conversionFaults(part(spec, 'conversion'), old),
    ...preserveFaults(spec),
    ...(old === undefined ? [] : immutableFaults(spec, old)),
  ];
}

function groupFaults(group: string): ErrorDetail[] {
  const field = 'spec.group';
  if (group === '') return [required(field)];
  const why = dns1123Subdomain(group);
  if (why.length > 0) return [invalid(field, group, why.join(','))];
  return group.includes('.') ? [] : [invalid(field, group, 'should be a domain with at least one dot')];
}

/** Another value than those supported is the kind's own schema's to refuse. */
function scopeFaults(scope: unknown): ErrorDetail[] {
  return scope === undefined || scope === '' ? [required('spec.scope')] : [];
}

function requiredNames(names: JsonObject): ErrorDetail[] {
  return ['plural', 'singular', 'kind', 'listKind']
    .filter((key) => text(names, key) === '')
    .map((key) => required(`spec.names.${key}`));
}

function nameFaults(names: JsonObject, at: string): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const check = (key: string, value: unknown, mixed: boolean) => {
    if (typeof value !== 'string' || value === '') return;
    const why = dns1035Label(mixed ? value.toLowerCase() : value).join(',');
    const prefix = mixed ? 'may have mixed case, but should otherwise match: ' : '';
    if (why !== '') faults.push(invalid(`${at}.${key}`, value, `${prefix}${why}`));
  };
  check('plural', names.plural, false);
  check('singular', names.singular, false);
  check('kind', names.kind, true);
  check('listKind', names.listKind, true);
  for (const key of ['shortNames', 'categories']) {
    const list = names[key];
    if (Array.isArray(list))
      for (const [index, name] of list.entries()) check(`${key}[${index}]`, name, false);
  }
  if (text(names, 'kind') !== '' && names.kind === names.listKind)
    faults.push(invalid(`${at}.listKind`, names.listKind, 'kind and listKind may not be the same'));
  return faults;
}

function preserveFaults(spec: JsonObject): ErrorDetail[] {
  if (spec.preserveUnknownFields !== true) return [];
  const why =
    'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  return [invalid('spec.preserveUnknownFields', true, why)];
}

function immutableFaults(spec: JsonObject, old: Readonly<ApiObject>): ErrorDetail[] {
  const before = part(old, 'spec');
  const fields: [string, unknown, unknown][] = [
    ['spec.group', spec.group, before.group],
    ['spec.names.plural', part(spec, 'names').plural, part(before, 'names').plural],
  ];
  if (isEstablished(old))
    fields.unshift(
      ['spec.scope', spec.scope, before.scope],
      ['spec.names.kind', part(spec, 'names').kind, part(before, 'names').kind],
    );
  return fields
    .filter(([, now, then]) => now !== then)
    .map(([field, now]) => invalid(field, now, 'field is immutable'));
}

/** Versions that objects were ever stored in must stay until nothing is stored in them any more. */
function storedFaults(crd: Readonly<ApiObject>): ErrorDetail[] {
  const names = items(part(crd, 'spec'), 'versions').map(({ name }) => name);
  const gone = storedVersions(crd).flatMap((version, index) =>
    names.includes(version)
      ? []
      : [
          invalid(
            `status.storedVersions[${index}]`,
            version,
            `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`,
          ),
        ],
  );
  return [...storageFaults(crd), ...gone];
}

function storageFaults(crd: Readonly<ApiObject>): ErrorDetail[] {
  const stored = storedVersions(crd);
  const field = 'status.storedVersions';
  if (stored.length === 0) return [invalid(field, stored, 'must have at least one stored version')];
  return items(part(crd, 'spec'), 'versions')
    .filter(({ name, storage }) => storage === true && !stored.includes(name))
    .map(({ name }) => invalid(field, stored, `must have the storage version ${String(name)}`));
}
