import type { Meter } from './meter.ts';
import { compareNumbers, isNumeric } from './numbers.ts';
import {
  CelMap,
  Duration,
  isMap,
  isPlainObject,
  mapGet,
  mapKeys,
  mapSize,
  Opaque,
  Optional,
  Struct,
  Timestamp,
  TypeValue,
} from './values.ts';

/** CEL's equality over all types: values of different types are unequal, numbers compare across theirs. */
export function equal(a: unknown, b: unknown, meter: Meter): boolean {
  if (typeof a === 'string' || typeof b === 'string') {
    if (a === b) return true;
    if (typeof a === 'string' && typeof b === 'string' && a.length === b.length) meter.spend(a.length * 0.1);
    return false;
  }
  if (isNumeric(a)) return isNumeric(b) && compareNumbers(a, b) === 0;
  if (typeof a !== 'object' || a === null) return a === b;
  if (typeof b !== 'object' || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && equalLists(a, b, meter);
  if (isMap(a)) return isMap(b) && equalMaps(a, b, meter);
  return equalObjects(a, b, meter);
}

function equalLists(a: readonly unknown[], b: readonly unknown[], meter: Meter): boolean {
  if (a.length !== b.length) return false;
  meter.spend(a.length * 0.5);
  return a.every((item, i) => equal(item, b[i], meter));
}

function equalMaps(a: object, b: object, meter: Meter): boolean {
  if (!isMap(a) || !isMap(b)) return false;
  if (a === b && isPlainObject(a)) return true; // Decoded JSON holds no NaN.
  const size = mapSize(a);
  if (size !== mapSize(b)) return false;
  meter.spend(size);
  return mapKeys(a).every((key) => {
    const other = mapGet(b, key);
    return other !== undefined && equal(mapGet(a, key), other, meter);
  });
}

function equalObjects(a: object, b: object, meter: Meter): boolean {
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Uint8Array) {
    meter.spend(a.length * 0.1);
    return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  }
  if (a instanceof Optional) return b instanceof Optional && equalOptionals(a, b, meter);
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof Opaque) return b instanceof Opaque && a.typeName === b.typeName && a.equals(b);
  if (a instanceof Struct) return b instanceof Struct && a.name === b.name && equalFields(a, b, meter);
  return a === b && !(a instanceof CelMap);
}

function equalOptionals(a: Optional, b: Optional, meter: Meter): boolean {
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return equal(a.value, b.value, meter);
}

function equalFields(a: Struct, b: Struct, meter: Meter): boolean {
  if (a.fields.size !== b.fields.size) return false;
  return [...a.fields].every(
    ([name, value]) => b.fields.has(name) && equal(value, b.fields.get(name), meter),
  );
}
