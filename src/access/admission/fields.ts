import { isJsonObject, type JsonObject } from '../../api/json.ts';

/** `of[name]` as an object that may be changed; made when it is missing. */
export function objectAt(of: Record<string, unknown>, name: string): JsonObject {
  const value = of[name];
  if (isJsonObject(value)) return value;
  const made: JsonObject = {};
  of[name] = made;
  return made;
}

/** `of[name]` as a list that may be changed; made when it is missing. */
export function listAt(of: Record<string, unknown>, name: string): unknown[] {
  const value = of[name];
  if (Array.isArray(value)) return value;
  const made: unknown[] = [];
  of[name] = made;
  return made;
}

/** The objects of `of[name]`, without making it. */
export function objectsAt(of: Record<string, unknown>, name: string): JsonObject[] {
  const value = of[name];
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

export function textAt(of: Record<string, unknown>, name: string): string {
  const value = of[name];
  return typeof value === 'string' ? value : '';
}
