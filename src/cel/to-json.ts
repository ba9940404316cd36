import { type JsonObject, setMember } from '../api/json.ts';
import { fault } from './faults.ts';
import { durationText, timestampText } from './time.ts';
import {
  CelMap,
  Double,
  Duration,
  isPlainObject,
  mapGet,
  mapKeys,
  Optional,
  Struct,
  Timestamp,
  Uint,
} from './values.ts';

/** A CEL value as JSON, sharing what of it is JSON already. @throws CelFault for what JSON has no word for */
export function toJson(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Double) return value.value;
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (Array.isArray(value)) return value.map(toJson);
  if (isPlainObject(value)) return members(Object.entries(value));
  if (value instanceof Struct) return members([...value.fields]);
  if (value instanceof CelMap)
    return members(mapKeys(value).map((key) => [textKey(key), mapGet(value, key)]));
  if (value instanceof Optional) return value.value === undefined ? null : toJson(value.value);
  throw fault('the result has no form in JSON');
}

function members(entries: readonly (readonly [string, unknown])[]): JsonObject {
  const made: JsonObject = {};
  for (const [key, value] of entries) setMember(made, key, toJson(value));
  return made;
}

function textKey(key: unknown): string {
  if (typeof key === 'string') return key;
  throw fault('a key of a map is no string');
}
