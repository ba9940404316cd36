import { createHash } from 'node:crypto';
import { componentName } from './custom/open-api.ts';
import { customDefinition } from './custom/open-api-v2.ts';
import { servedGroups } from './discovery.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import type { KindTable } from './kind.ts';
import { openApiDocument } from './openapi-v3.ts';

const PREFIX = '#/components/schemas/';
/** Version 2 knows no alternatives: what is one of several types is its string form, as upstream has it. */
const ALTERNATIVES = new Set(['oneOf', 'anyOf', 'not', 'nullable']);

/** Everything served, built-in and custom, as one OpenAPI 2.0 document: what kubectl before 1.27 and older tools read. */
export function openApiV2(table: KindTable): JsonObject {
  const paths: Record<string, unknown> = {};
  const definitions: Record<string, unknown> = {};
  for (const { group, versions } of servedGroups(table))
    for (const version of versions) {
      const document = openApiDocument(table, group, version) ?? {};
      for (const [path, item] of entries(document.paths)) paths[path] = pathItem(item);
      for (const [name, schema] of entries(part(document.components, 'schemas')))
        definitions[name] ??= schemaOf(schema);
    }
  for (const kind of table.all())
    if (kind.custom !== undefined) definitions[componentName(kind, kind.kind)] = customDefinition(kind);
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.36.0' },
    paths,
    definitions,
    securityDefinitions: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header' } },
    security: [{ BearerToken: [] }],
  };
}

/** Changes exactly when the document does. */
export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').toUpperCase();
}

function pathItem(item: unknown): JsonObject {
  const made = entries(item).map(([name, value]) => [
    name,
    name === 'parameters' ? list(value).map(parameter) : operation(value),
  ]);
  return Object.fromEntries(made);
}

function operation(value: unknown): JsonObject {
  const { requestBody, responses, parameters, ...rest } = isJsonObject(value) ? value : {};
  const body = entries(part(requestBody, 'content'));
  const given = entries(part(part(responses, '200'), 'content'));
  const inBody =
    body.length === 0
      ? []
      : [{ name: 'body', in: 'body', required: true, schema: schemaOf(part(body[0]?.[1], 'schema')) }];
  return {
    ...rest,
    consumes: body.length === 0 ? ['*/*'] : body.map(([type]) => type),
    produces: given.length === 0 ? ['*/*'] : given.map(([type]) => type),
    parameters: [...inBody, ...list(parameters).map(parameter)],
    responses: {
      200: {
        description: 'OK',
        ...(given.length === 0 ? {} : { schema: schemaOf(part(given[0]?.[1], 'schema')) }),
      },
      401: { description: 'Unauthorized' },
    },
  };
}

function parameter(value: unknown): JsonObject {
  const { schema, ...rest } = isJsonObject(value) ? value : {};
  return { ...rest, uniqueItems: true, ...(isJsonObject(schema) ? schema : {}) };
}

function schemaOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(schemaOf);
  if (!isJsonObject(value)) return value;
  const { allOf, ...rest } = value;
  // Version 2 lets a reference have a description beside it.
  const [only] = list(allOf);
  const merged: JsonObject = isJsonObject(only) && list(allOf).length === 1 ? { ...only, ...rest } : value;
  const made: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(merged)) {
    if (ALTERNATIVES.has(name)) continue;
    if (name === '$ref') made.$ref = `#/definitions/${String(one).slice(PREFIX.length)}`;
    else if (name === 'properties')
      made.properties = Object.fromEntries(entries(one).map(([key, schema]) => [key, schemaOf(schema)]));
    else
      made[name] =
        name === 'items' || name === 'additionalProperties' || name === 'allOf' ? schemaOf(one) : one;
  }
  if (value.oneOf !== undefined && made.type === undefined) made.type = 'string';
  return made;
}

function entries(value: unknown): [string, unknown][] {
  return isJsonObject(value) ? Object.entries(value) : [];
}

function part(value: unknown, name: string): unknown {
  return isJsonObject(value) ? value[name] : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
