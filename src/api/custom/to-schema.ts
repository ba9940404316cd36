import type { Bounds, Field, ObjectSchema, Schema, StringSchema } from '../schema.ts';
import type { Node } from './node.ts';

/**
 * The schema that merges, field sets and rules read: fields, list types and keys, and how much there can be. What a
 * custom object may hold is for the walks over {@link Node} to say.
 */
export function toSchema(node: Node): Schema {
  if (node.intOrString) return { type: 'int-or-string' };
  switch (node.types[0]) {
    case 'object':
      return objectOrMap(node);
    case 'array':
      return {
        type: 'array',
        items: node.items === undefined ? { type: 'any' } : toSchema(node.items),
        listType: node.listType,
        mapKeys: node.mapKeys,
        ...atMost(node.checks.maxItems),
      };
    case 'string':
      return toStringSchema(node);
    case 'integer':
      return { type: 'integer' };
    case 'number':
      return { type: 'number' };
    case 'boolean':
      return { type: 'boolean' };
    default:
      return node.fields.size > 0 ? toObjectSchema(node) : { type: 'any' };
  }
}

function objectOrMap(node: Node): Schema {
  const { values } = node;
  if (node.fields.size > 0 || values === undefined || values === false) return toObjectSchema(node);
  return {
    type: 'map',
    values: values === true ? { type: 'any' } : toSchema(values),
    atomic: node.atomicMap,
    ...atMost(node.checks.maxProperties),
  };
}

function toStringSchema({ checks }: Node): StringSchema {
  const words = checks.enum.filter((one) => typeof one === 'string');
  return {
    type: 'string',
    ...(words.length === 0 ? {} : { enum: words }),
    ...(checks.format === '' ? {} : { format: checks.format }),
    ...atMost(checks.maxLength),
  };
}

function atMost(maxCount: number | undefined): { readonly bounds?: Bounds } {
  return maxCount === undefined ? {} : { bounds: { maxCount } };
}

export function toObjectSchema(node: Node): ObjectSchema {
  const fields: Record<string, Field> = Object.create(null);
  for (const [name, field] of node.fields) fields[name] = toField(field);
  if (node.embedded) Object.assign(fields, EMBEDDED);
  return {
    type: 'object',
    name: '',
    fields,
    required: node.checks.required,
    preserveUnknown: node.preserves,
    atomic: node.atomicMap,
  };
}

function toField(node: Node): Field {
  return {
    schema: toSchema(node),
    ...(node.default === undefined ? {} : { default: node.default }),
    ...(node.description === undefined ? {} : { description: node.description }),
    ...(node.nullable ? { nullable: true } : {}),
  };
}

/** What rules may read of metadata; the rest of it is kept. */
export const NAMES: ObjectSchema = {
  type: 'object',
  name: '',
  fields: { name: { schema: { type: 'string' } }, generateName: { schema: { type: 'string' } } },
  required: [],
  preserveUnknown: true,
  atomic: false,
};

/** Type and metadata, which every resource has. */
export const EMBEDDED: Readonly<Record<string, Field>> = {
  apiVersion: { schema: { type: 'string' } },
  kind: { schema: { type: 'string' } },
  metadata: { schema: NAMES },
};
