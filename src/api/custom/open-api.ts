import { isJsonObject, type JsonObject } from '../json.ts';
import type { Kind, KindTable } from '../kind.ts';
import type { Components } from '../openapi-schema.ts';
import type { CustomFacts } from './facts.ts';
import { strings } from './source.ts';

const PREFIX = '#/components/schemas/';
const API_VERSION = {
  type: 'string',
  description: 'The version of the schema that this representation of the object has.',
};
const KIND = {
  type: 'string',
  description: 'What the object is: the name of its REST resource, in camel case.',
};

/** Components of a custom kind and of its list: the schema as its CRD has it, with what every object has. */
export function customComponents(
  components: Components,
  table: KindTable,
  { kind, custom }: { readonly kind: Kind; readonly custom: CustomFacts },
): { readonly object: JsonObject; readonly list: JsonObject } {
  const { group, version, selectableFields = [] } = kind;
  const meta = (name: string) => {
    const schema = name === 'ListMeta' ? listMeta(table) : custom.meta;
    return schema?.type === 'object' ? components.refer(schema) : { type: 'object' };
  };
  const object = componentName(kind, kind.kind);
  components.schemas[object] = {
    ...withResources(custom.openApi, true, meta('ObjectMeta')),
    'x-kubernetes-group-version-kind': [{ group, version, kind: kind.kind }],
    ...(selectableFields.length === 0
      ? {}
      : { 'x-kubernetes-selectable-fields': selectableFields.map((fieldPath) => ({ fieldPath })) }),
  };
  const list = componentName(kind, kind.listKind);
  components.schemas[list] = {
    description: `${kind.listKind} is a list of ${kind.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { allOf: [meta('ListMeta')], description: 'Standard list metadata.' },
      items: { type: 'array', description: `List of ${kind.resource}.`, items: { $ref: PREFIX + object } },
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind: kind.listKind }],
  };
  return { object: { $ref: PREFIX + object }, list: { $ref: PREFIX + list } };
}

/** `example.com` and `Foo` → `com.example.v1.Foo`, as upstream names a CRD's. */
export function componentName({ group, version }: Kind, name: string): string {
  return `${group.split('.').reverse().join('.')}.${version}.${name}`;
}

function listMeta(table: KindTable) {
  return table.schemaOf('v1', 'ConfigMapList')?.fields.metadata?.schema;
}

/** The schema with type and metadata in each resource: the root, and those embedded. */
function withResources(schema: JsonObject, isResource: boolean, meta: JsonObject): JsonObject {
  const resource = isResource || schema['x-kubernetes-embedded-resource'] === true;
  const { properties, items, additionalProperties: values } = schema;
  const below = (one: unknown) => (isJsonObject(one) ? withResources(one, false, meta) : one);
  const own = Object.entries(isJsonObject(properties) ? properties : {}).map(([key, one]) => [
    key,
    below(one),
  ]);
  const fields = {
    ...Object.fromEntries(own),
    ...(resource
      ? {
          apiVersion: API_VERSION,
          kind: KIND,
          metadata: { allOf: [meta], description: 'Standard object metadata.' },
        }
      : {}),
  };
  return {
    ...schema,
    ...(Object.keys(fields).length === 0 ? {} : { properties: fields }),
    ...(resource && !isResource ? { required: withType(schema) } : {}),
    ...(isJsonObject(items) ? { items: below(items) } : {}),
    ...(isJsonObject(values) ? { additionalProperties: below(values) } : {}),
  };
}

/** An embedded resource must say what it is. */
function withType(schema: JsonObject): readonly string[] {
  return [...new Set([...strings(schema, 'required'), 'kind', 'apiVersion'])];
}
