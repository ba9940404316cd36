import type { CelType } from './types.ts';
import {
  Double,
  Duration,
  isMap,
  LazyObject,
  Opaque,
  Optional,
  Struct,
  Timestamp,
  TypeValue,
  Uint,
} from './values.ts';

/** Whether a value is of a type, as far as choosing an overload needs: what a list or map holds is not looked at. */
export function hasType(value: unknown, type: CelType): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'parameter':
      return true;
    case 'string':
      return typeof value === 'string';
    case 'int':
      return typeof value === 'number' || typeof value === 'bigint';
    case 'bool':
      return typeof value === 'boolean';
    case 'list':
      return Array.isArray(value);
    case 'map':
      return isMap(value) || value instanceof LazyObject;
    case 'double':
      return value instanceof Double;
    case 'uint':
      return value instanceof Uint;
    case 'bytes':
      return value instanceof Uint8Array;
    case 'null':
      return value === null;
    case 'timestamp':
      return value instanceof Timestamp;
    case 'duration':
      return value instanceof Duration;
    case 'type':
      return value instanceof TypeValue;
    case 'object':
      return (
        isMap(value) || value instanceof LazyObject || (value instanceof Struct && value.name === type.name)
      );
    case 'opaque':
      if (value instanceof Opaque) return value.typeName === type.name;
      return type.name === 'optional_type' && value instanceof Optional;
  }
}

/** What the cost of a function is counted in: characters, octets, items, members. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value) || value instanceof Uint8Array) return value.length;
  return 1;
}
