import { isJsonObject, type JsonObject } from '../json.ts';
import type { Kind } from '../kind.ts';
import { strings } from './source.ts';

const META = { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' };
const TEXT = { type: 'string' };
/** What version 2 has no words for. */
const UNKNOWN = new Set(['allOf', 'anyOf', 'oneOf', 'not', 'nullable']);
const PRESERVES = 'x-kubernetes-preserve-unknown-fields';

/**
 * A custom kind's definition in OpenAPI 2.0. The kubectl that reads it takes every field that it is not told of for an
 * error: what may hold anything is said to have no fields at all.
 */
export function customDefinition({ group, version, kind, custom }: Kind): JsonObject {
  const openApi = custom?.openApi ?? {};
  const gvk = { 'x-kubernetes-group-version-kind': [{ group, version, kind }] };
  if (openApi[PRESERVES] === true) return { type: 'object', ...gvk };
  const root = definitionOf(openApi);
  const fields = isJsonObject(root.properties) ? root.properties : {};
  return { ...root, properties: { ...fields, apiVersion: TEXT, kind: TEXT, metadata: META }, ...gvk };
}

function definitionOf(schema: JsonObject): JsonObject {
  const made = Object.fromEntries(Object.entries(schema).filter(([key]) => !UNKNOWN.has(key)));
  const { properties, items, additionalProperties: values } = schema;
  const open = schema.nullable === true || schema[PRESERVES] === true;
  if (open || !isJsonObject(properties)) delete made.properties;
  else {
    const fields = Object.entries(properties);
    made.properties = Object.fromEntries(fields.map(([key, one]) => [key, below(one)]));
    const required = strings(schema, 'required').filter((key) => !isNullable(properties[key]));
    if (required.length > 0) made.required = required;
    else delete made.required;
  }
  if (open || !isJsonObject(items)) delete made.items;
  else made.items = below(items);
  if (isJsonObject(values)) made.additionalProperties = below(values);
  const typeless = made.type === 'array' ? made.items === undefined : open && made.type === 'object';
  if (typeless || schema.nullable === true) delete made.type;
  if (schema['x-kubernetes-embedded-resource'] === true && schema[PRESERVES] !== true)
    made.properties = {
      ...(isJsonObject(made.properties) ? made.properties : {}),
      apiVersion: TEXT,
      kind: TEXT,
      metadata: META,
    };
  return made;
}

function below(schema: unknown): unknown {
  return isJsonObject(schema) ? definitionOf(schema) : schema;
}

function isNullable(schema: unknown): boolean {
  return isJsonObject(schema) && schema.nullable === true;
}
