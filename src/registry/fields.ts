import { isJsonObject, type JsonObject, memberOf } from '../api/json.ts';
import type { ApiObject } from '../api/kind.ts';

/** A member that is an object, or an empty one: strategies read what a schema has conformed. */
export function part(of: unknown, name: string): JsonObject {
  const value = isJsonObject(of) ? of[name] : undefined;
  return isJsonObject(value) ? value : {};
}

/** Members of a list of objects. */
export function items(of: unknown, name: string): JsonObject[] {
  const value = isJsonObject(of) ? of[name] : undefined;
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

export function text(of: unknown, name: string): string {
  const value = isJsonObject(of) ? of[name] : undefined;
  return typeof value === 'string' ? value : '';
}

/** `object[name]` as an object that may be changed; made when it is missing. */
export function ensure(object: JsonObject | ApiObject, name: string): JsonObject {
  const value = object[name];
  if (isJsonObject(value)) return value;
  const made: JsonObject = {};
  (object as JsonObject)[name] = made; // An ApiObject is one with known members besides.
  return made;
}

/** What stands at `.spec.replicas`: members joined by dots. */
export function valueAt(object: unknown, path: string): unknown {
  return membersOf(path).reduce<unknown>(
    (value, member) => (isJsonObject(value) ? memberOf(value, member) : undefined),
    object,
  );
}

export function membersOf(path: string): string[] {
  return path.split('.').filter((member) => member !== '');
}
