import type { ErrorDetail } from '../../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { forbidden, invalid, required, unsupported } from './faults.ts';
import { members, strings, text } from './source.ts';

const TYPE = 'x-kubernetes-list-type';
const KEYS = 'x-kubernetes-list-map-keys';

/** What a schema may not say of a list's type and keys. */
export function listFaults(schema: JsonObject, path: string): ErrorDetail[] {
  const listType = schema[TYPE];
  const given = listType !== undefined && listType !== null;
  const faults: ErrorDetail[] = [];
  const type = text(schema, 'type');
  const why = 'must be array if x-kubernetes-list-type is specified';
  if (given && type === '') faults.push(required(`${path}.type`, why));
  else if (given && type !== 'array') faults.push(invalid(`${path}.type`, type, why));
  else if (listType === 'set') faults.push(...setItemFaults(schema.items, path));
  if (given && listType !== 'atomic' && listType !== 'set' && listType !== 'map')
    faults.push(unsupported(`${path}.${TYPE}`, listType, ['atomic', 'set', 'map']));
  if (strings(schema, KEYS).length > 0 && listType !== 'map') {
    const must = 'must be map if x-kubernetes-list-map-keys is non-empty';
    faults.push(given ? invalid(`${path}.${TYPE}`, listType, must) : required(`${path}.${TYPE}`, must));
  }
  if (listType === 'map') faults.push(...mapFaults(schema, path));
  const nullable = isJsonObject(schema.items) && schema.items.nullable === true;
  if (nullable && (listType === 'map' || listType === 'set'))
    faults.push(
      forbidden(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`),
    );
  return listType === 'map' ? [...faults, ...keyFaults(schema, path)] : faults;
}

/** Items of a set are compared whole, so they must be atomic. */
function setItemFaults(items: unknown, path: string): ErrorDetail[] {
  if (!isJsonObject(items)) return [];
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType = items[TYPE] ?? 'atomic';
  if (items.type === 'array' && listType !== 'atomic')
    return [invalid(`${path}.items.${TYPE}`, listType, why)];
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
    return [invalid(`${path}.items.x-kubernetes-map-type`, items['x-kubernetes-map-type'] ?? null, why)];
  return [];
}

function mapFaults(schema: JsonObject, path: string): ErrorDetail[] {
  const keys = strings(schema, KEYS);
  const { items } = schema;
  const faults: ErrorDetail[] = [];
  if (keys.length === 0)
    faults.push(required(`${path}.${KEYS}`, 'must not be empty if x-kubernetes-list-type is map'));
  if (items === undefined || items === null)
    return [...faults, required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map')];
  if (!isJsonObject(items)) return faults;
  if (items.type !== 'object') {
    const why = "must be object if parent array's x-kubernetes-list-type is map";
    return [...faults, invalid(`${path}.items.type`, text(items, 'type'), why)];
  }
  const fields = new Map(members(items));
  for (const [index, key] of keys.entries()) {
    const field = fields.get(key);
    const type = field === undefined ? '' : text(field, 'type');
    if (field === undefined)
      faults.push(invalid(`${path}.${KEYS}`, keys, 'entries must all be names of item properties'));
    else if (type === 'array' || type === 'object')
      faults.push(
        invalid(
          `${path}.items.properties[${key}].type`,
          'object',
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    if (keys.indexOf(key) < index)
      faults.push(invalid(`${path}.${KEYS}`, keys, 'must not contain duplicate entries'));
  }
  return faults;
}

/** Each key must always have a value. */
function keyFaults(schema: JsonObject, path: string): ErrorDetail[] {
  if (!isJsonObject(schema.items)) return [];
  const fields = new Map(members(schema.items));
  const always = strings(schema.items, 'required');
  const because = 'this property is in x-kubernetes-list-map-keys, so it';
  return strings(schema, KEYS).flatMap((key) => {
    const field = fields.get(key);
    if (field === undefined) return [];
    const at = `${path}.items.properties[${key}]`;
    const missing = !always.includes(key) && (field.default ?? undefined) === undefined;
    return [
      ...(missing
        ? [required(`${at}.default`, `${because} must have a default or be a required property`)]
        : []),
      ...(field.nullable === true ? [forbidden(`${at}.nullable`, `${because} cannot be nullable`)] : []),
    ];
  });
}
