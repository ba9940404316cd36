import { isJsonObject, type JsonObject } from '../api/json.ts';

/*
 * What CEL values are here: null, boolean, string, number or bigint (an int), arrays, decoded JSON objects as they
 * are (nothing is converted up front), and the classes below for what JSON has no word for.
 */

export class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** Nanoseconds since 1970. */
export class Timestamp {
  readonly nanos: bigint;
  /** As it was written: `Z` or `+02:00`; it is printed so. */
  readonly zone: string;
  constructor(nanos: bigint, zone = 'Z') {
    this.nanos = nanos;
    this.zone = zone;
  }
}

export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** `undefined` inside: optional.none(). */
export class Optional {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

export const NONE = new Optional(undefined);

export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A map that an expression made; one that came as JSON stays the object it is. */
export class CelMap {
  /** By {@link mapKey}, so that 1, 1u and 1.0 are one key. */
  readonly entries = new Map<unknown, readonly [key: unknown, value: unknown]>();
}

/** A message that an expression made: `Object.spec{replicas: 1}`. */
export class Struct {
  readonly name: string;
  readonly fields: ReadonlyMap<string, unknown>;
  constructor(name: string, fields: ReadonlyMap<string, unknown>) {
    this.name = name;
    this.fields = fields;
  }
}

/** An object whose members are computed when they are asked for. */
export abstract class LazyObject {
  /** Undefined: there is no such member. */
  abstract member(name: string): unknown;
}

/** A value of a library's own type: equal only to another of the same. */
export abstract class Opaque {
  abstract readonly typeName: string;
  abstract equals(other: Opaque): boolean;
}

/** What a map holds a key under; undefined when the value can be no key. */
export function mapKey(key: unknown): unknown {
  if (typeof key === 'string' || typeof key === 'boolean' || typeof key === 'number') return key;
  if (typeof key === 'bigint') return key;
  if (key instanceof Uint)
    return key.value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(key.value) : key.value;
  if (key instanceof Double) return Number.isInteger(key.value) ? key.value : undefined;
  return undefined;
}

/** Whether it is a decoded JSON object and not one of the classes above. */
export function isPlainObject(value: unknown): value is JsonObject {
  if (!isJsonObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export function isMap(value: unknown): value is CelMap | JsonObject {
  return value instanceof CelMap || isPlainObject(value);
}

/** Under `key`; undefined when there is none. */
export function mapGet(map: CelMap | JsonObject, key: unknown): unknown {
  if (map instanceof CelMap) return map.entries.get(mapKey(key))?.[1];
  return typeof key === 'string' && Object.hasOwn(map, key) ? map[key] : undefined;
}

export function mapSize(map: CelMap | JsonObject): number {
  return map instanceof CelMap ? map.entries.size : Object.keys(map).length;
}

export function mapKeys(map: CelMap | JsonObject): unknown[] {
  return map instanceof CelMap ? [...map.entries.values()].map(([key]) => key) : Object.keys(map);
}

/** The name `type()` gives. */
export function typeNameOf(value: unknown): string {
  if (value === null) return 'null_type';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    case 'bigint':
    case 'number':
      return 'int';
  }
  if (Array.isArray(value)) return 'list';
  if (value instanceof Double) return 'double';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof Optional) return 'optional_type';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof Struct) return value.name;
  if (value instanceof Opaque) return value.typeName;
  return 'map';
}
