import { RE2JS } from 're2js';
import { AmphoraError, type ErrorDetail } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { isJsonObject, type JsonObject, memberOf, memberPath } from './json.ts';
import type { ArraySchema, Bounds, Field, ObjectSchema, Schema } from './schema.ts';

/**
 * Turns the `openAPIV3Schema` of a CRD into the schema all walks read. What has no meaning here (oneOf, allOf, not,
 * CEL rules) is left to whoever validates custom objects further.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 * @throws Invalid, with the path of each place that is not structural.
 */
export function crdSchema(openApi: unknown, path = 'openAPIV3Schema'): ObjectSchema {
  const reader = new Reader();
  const schema = reader.schema(openApi, path, 0);
  if (schema.type !== 'object' && reader.details.length === 0) {
    reader.refuse(`${path}.type`, 'must be object at the root');
  }
  if (reader.details.length > 0 || schema.type !== 'object') {
    const [first] = reader.details;
    throw new AmphoraError('Invalid', `the schema is not structural: ${first?.field}: ${first?.message}`, {
      details: reader.details,
    });
  }
  return schema;
}

class Reader {
  readonly details: ErrorDetail[] = [];

  refuse(field: string, why: string): void {
    this.details.push({ reason: 'FieldValueInvalid', field, message: `Invalid value: ${why}` });
  }

  schema(source: unknown, path: string, depth: number): Schema {
    if (depth > LIMITS.nesting) {
      this.refuse(path, `is nested deeper than ${LIMITS.nesting}`);
      return { type: 'any' };
    }
    if (!isJsonObject(source)) {
      this.refuse(path, 'must be an object');
      return { type: 'any' };
    }
    this.#checkPattern(source.pattern, `${path}.pattern`);
    if (source['x-kubernetes-int-or-string'] === true) return { type: 'int-or-string' };
    const at = { path, depth: depth + 1 };
    switch (source.type) {
      case 'object':
        return this.#objectOrMap(source, at);
      case 'array':
        return this.#array(source, at);
      case 'string':
        return { type: 'string', ...text(source), ...bounded(source, 'Length') };
      case 'integer':
        return { type: 'integer', ...integerFormat(source), ...bounded(source, 'Length') };
      case 'number':
        return { type: 'number', ...bounded(source, 'Length') };
      case 'boolean':
        return { type: 'boolean' };
      default:
        return this.#untyped(source, path);
    }
  }

  #checkPattern(pattern: unknown, path: string): void {
    if (typeof pattern !== 'string') return;
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      this.refuse(
        path,
        `${JSON.stringify(pattern)}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #untyped(source: JsonObject, path: string): Schema {
    if (source['x-kubernetes-preserve-unknown-fields'] !== true) {
      this.refuse(`${path}.type`, 'must be one of array, boolean, integer, number, object, string');
    }
    return { type: 'any' };
  }

  #objectOrMap(source: JsonObject, at: { path: string; depth: number }): Schema {
    const values = source.additionalProperties;
    const preserves = source['x-kubernetes-preserve-unknown-fields'] === true;
    const atomic = source['x-kubernetes-map-type'] === 'atomic';
    if (isJsonObject(values)) {
      const path = `${at.path}.additionalProperties`;
      return {
        type: 'map',
        values: this.schema(values, path, at.depth),
        atomic,
        ...bounded(source, 'Properties'),
      };
    }
    if (values === true)
      return { type: 'map', values: { type: 'any' }, atomic, ...bounded(source, 'Properties') };
    return {
      type: 'object',
      name: '',
      fields: {
        ...this.#fields(source, at),
        ...(source['x-kubernetes-embedded-resource'] === true ? EMBEDDED : {}),
      },
      required: strings(source.required),
      preserveUnknown: preserves,
      atomic,
      ...bounded(source, 'Properties'),
    };
  }

  #fields(source: JsonObject, { path, depth }: { path: string; depth: number }): Record<string, Field> {
    const properties = source.properties ?? {};
    const fields: Record<string, Field> = {};
    if (!isJsonObject(properties)) this.refuse(`${path}.properties`, 'must be an object');
    else {
      for (const [name, property] of Object.entries(properties)) {
        if (name === '__proto__') continue;
        fields[name] = this.#field(property, `${memberPath(`${path}.properties`, name)}`, depth);
      }
    }
    return fields;
  }

  #field(source: unknown, path: string, depth: number): Field {
    const schema = this.schema(source, path, depth);
    if (!isJsonObject(source)) return { schema };
    const description = source.description;
    return {
      schema,
      ...(memberOf(source, 'default') === undefined ? {} : { default: source.default }),
      ...(typeof description === 'string' ? { description } : {}),
      ...(source.nullable === true ? { nullable: true } : {}),
    };
  }

  #array(source: JsonObject, { path, depth }: { path: string; depth: number }): ArraySchema {
    const listType = source['x-kubernetes-list-type'];
    const mapKeys = strings(source['x-kubernetes-list-map-keys']);
    if (listType === 'map' && mapKeys.length === 0) {
      this.refuse(`${path}.x-kubernetes-list-map-keys`, 'must name the keys of a list of type map');
    }
    return {
      type: 'array',
      items: this.schema(source.items, `${path}.items`, depth),
      listType: listType === 'set' || listType === 'map' ? listType : 'atomic',
      mapKeys,
      ...bounded(source, 'Items'),
    };
  }
}

const EMBEDDED: Readonly<Record<string, Field>> = {
  apiVersion: { schema: { type: 'string' } },
  kind: { schema: { type: 'string' } },
  metadata: { schema: { type: 'any' } },
};

function text(source: JsonObject): { readonly enum?: readonly string[]; readonly format?: string } {
  const values = source.enum;
  const format = source.format;
  return {
    ...(Array.isArray(values) ? { enum: strings(values) } : {}),
    ...(typeof format === 'string' ? { format } : {}),
  };
}

function integerFormat({ format }: JsonObject): { readonly format?: 'int32' | 'int64' } {
  return format === 'int32' || format === 'int64' ? { format } : {};
}

function bounded(source: JsonObject, of: 'Items' | 'Length' | 'Properties'): { readonly bounds?: Bounds } {
  const number = (key: string) => (typeof source[key] === 'number' ? source[key] : undefined);
  const flag = (key: string) => (source[key] === true ? true : undefined);
  const all = {
    minimum: number('minimum'),
    maximum: number('maximum'),
    exclusiveMinimum: flag('exclusiveMinimum'),
    exclusiveMaximum: flag('exclusiveMaximum'),
    multipleOf: number('multipleOf'),
    minCount: number(`min${of}`),
    maxCount: number(`max${of}`),
    pattern: typeof source.pattern === 'string' ? source.pattern : undefined,
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return given.length === 0 ? {} : { bounds: Object.fromEntries(given) };
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
