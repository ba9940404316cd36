import type { ErrorDetail } from '../../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { forbidden, invalid, required, unsupported } from './faults.ts';
import { listFaults } from './list-faults.ts';
import { ruleFaults } from './rule-faults.ts';
import { list, members, present, text } from './source.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const META = new Set(['metadata', 'kind', 'apiVersion']);
/** Why defaults may not stand where they stand; undefined: they may. */
type NoDefaults = string | undefined;

interface Place {
  readonly path: string;
  readonly root: boolean;
  readonly noDefaults: NoDefaults;
  /** Inside of metadata, apiVersion or kind of a resource. */
  readonly inMeta: boolean;
}

/**
 * What an `openAPIV3Schema` may not say, structural or not, in upstream's words.
 * @param path of the schema, for the errors' fields
 */
export function schemaFaults(schema: JsonObject, path: string): ErrorDetail[] {
  return faultsAt(schema, { path, root: true, noDefaults: undefined, inMeta: false });
}

function faultsAt(schema: JsonObject, place: Place): ErrorDetail[] {
  const { path } = place;
  return [
    ...unsupportedKeys(schema, place),
    ...memberFaults(schema, place),
    ...below(schema, place),
    ...extensionFaults(schema, path),
    ...listFaults(schema, path),
    ...ruleFaults(schema, path),
  ];
}

function unsupportedKeys(schema: JsonObject, { path, noDefaults, inMeta }: Place): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const type = text(schema, 'type');
  if (type !== '' && !TYPES.includes(type)) faults.push(unsupported(`${path}.type`, type, TYPES));
  if (schema.default !== undefined && schema.default !== null && noDefaults !== undefined)
    faults.push(forbidden(`${path}.default`, `must not be set ${noDefaults}`));
  for (const key of ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'])
    if (present(schema, key)) faults.push(forbidden(`${path}.${key}`, `${key} is not supported`));
  if (type === 'null')
    faults.push(forbidden(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(schema.items))
    faults.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  if (inMeta && schema['x-kubernetes-embedded-resource'] === true)
    faults.push(
      forbidden(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'),
    );
  if (schema.uniqueItems === true)
    faults.push(
      forbidden(
        `${path}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  return faults;
}

function memberFaults(schema: JsonObject, place: Place): ErrorDetail[] {
  const { path, root } = place;
  const faults: ErrorDetail[] = [];
  const values = schema.additionalProperties;
  const fields = members(schema);
  if (fields.length > 0 && (values === false || isJsonObject(values)))
    faults.push(
      forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'),
    );
  if (isJsonObject(values)) {
    const why = place.inMeta ? 'inside additionalProperties applying to object metadata' : place.noDefaults;
    const at = { ...place, root: false, noDefaults: why, path: `${path}.additionalProperties` };
    faults.push(...faultsAt(values, at));
  }
  const resource = root || schema['x-kubernetes-embedded-resource'] === true;
  for (const [key, field] of fields) {
    const meta = resource && META.has(key);
    faults.push(
      ...faultsAt(field, {
        path: `${path}.properties[${key}]`,
        root: false,
        inMeta: place.inMeta || meta,
        noDefaults: meta && root ? `in top-level ${key}` : place.noDefaults,
      }),
    );
  }
  return faults;
}

function below(schema: JsonObject, place: Place): ErrorDetail[] {
  const { path } = place;
  const inside = (at: string): Place => ({ ...place, root: false, path: `${path}.${at}` });
  const faults = isJsonObject(schema.not) ? faultsAt(schema.not, inside('not')) : [];
  for (const key of ['allOf', 'oneOf', 'anyOf'])
    for (const [index, one] of list(schema, key).entries())
      faults.push(...faultsAt(one, inside(`${key}[${index}]`)));
  if (isJsonObject(schema.items)) faults.push(...faultsAt(schema.items, inside('items')));
  return faults;
}

function extensionFaults(schema: JsonObject, path: string): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const type = text(schema, 'type');
  const preserve = schema['x-kubernetes-preserve-unknown-fields'];
  if (preserve === false)
    faults.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  const mapType = schema['x-kubernetes-map-type'];
  if (mapType === undefined || mapType === null) return faults;
  const why = 'must be object if x-kubernetes-map-type is specified';
  if (type === '') faults.push(required(`${path}.type`, why));
  else if (type !== 'object') faults.push(invalid(`${path}.type`, type, why));
  if (mapType !== 'atomic' && mapType !== 'granular')
    faults.push(unsupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
  return faults;
}
