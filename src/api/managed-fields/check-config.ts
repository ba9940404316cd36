import { isJsonObject } from '../json.ts';
import { conformScalar } from '../scalars.ts';
import type { ArraySchema, Schema } from '../schema.ts';
import { pathText } from './field-set.ts';
import { formOf, itemNamer, keyOf, memberStep } from './walk.ts';

/**
 * What keeps a configuration from being applied: fields the schema does not declare, values of another type, two items
 * of one name. In the words of upstream's typed values; the depth is bounded where the body is decoded.
 */
export function checkConfig(schema: Schema, value: unknown): string[] {
  return check(schema, value, '');
}

function check(schema: Schema, value: unknown, path: string): string[] {
  if (value === null || schema.type === 'any') return [];
  if (schema.type === 'object' || schema.type === 'map') {
    if (!isJsonObject(value)) return [line(path, `expected map, got ${shown(value)}`)];
    return Object.keys(value).flatMap((key) => {
      const step = memberStep(schema, key);
      const at = `${path}${pathText([step.name])}`;
      if (schema.type === 'object' && !step.declared && !schema.preserveUnknown)
        return [line(at, 'field not declared in schema')];
      return check(step.schema, value[key], at);
    });
  }
  if (schema.type === 'array') return checkList(schema, value, path);
  const kept = conformScalar(schema, value);
  return 'want' in kept ? [line(path, kept.why ?? expected(schema, value))] : [];
}

function checkList(schema: ArraySchema, value: unknown, path: string): string[] {
  if (!Array.isArray(value)) return [line(path, `expected list, got ${shown(value)}`)];
  const nameOf = formOf(schema, value) === 'items' ? itemNamer(schema) : undefined;
  const seen = new Set<string>();
  return value.flatMap((item, index) => {
    if (nameOf === undefined) return check(schema.items, item, `${path}[${index}]`);
    const wrong = unnamed(schema, item);
    if (wrong !== undefined) return [line(path, `element ${index}: ${wrong}`)];
    const name = nameOf(item);
    const text = pathText([name]);
    const twice = seen.has(name) ? [line(path, `duplicate entries for key ${text}`)] : [];
    seen.add(name);
    return [...twice, ...check(schema.items, item, `${path}${text}`)];
  });
}

/** Why an item cannot be told from the others. */
function unnamed(schema: ArraySchema, item: unknown): string | undefined {
  if (schema.listType === 'set') {
    if (item === null) return "associative list without keys has an element that's an explicit null";
    if (Array.isArray(item)) return 'not supported: associative list with lists as elements';
    return isJsonObject(item) ? "associative list without keys has an element that's a map type" : undefined;
  }
  if (item === null) return 'associative list with keys may not have a null element';
  if (!isJsonObject(item)) return 'associative list with keys may not have non-map elements';
  if (schema.mapKeys.some((key) => keyOf(schema, item, key) !== undefined)) return undefined;
  const keys = schema.mapKeys.map((key) => JSON.stringify(key)).join(' ');
  return `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`;
}

function expected({ type }: Schema, value: unknown): string {
  if (type === 'boolean') return `expected boolean, got ${shown(value)}`;
  if (type === 'integer' || type === 'number')
    return `expected numeric (int or float), got ${typeof value === 'string' ? 'string' : shown(value)}`;
  return `expected string, got ${shown(value)}`;
}

const SHOWN = 256;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function line(path: string, what: string): string {
  return path === '' ? what : `${path}: ${what}`;
}
