import { DESCRIPTIONS } from './descriptions.ts';
import type { JsonObject } from './json.ts';
import type { ArraySchema, Field, ObjectSchema, Schema } from './schema.ts';

const PREFIX = '#/components/schemas/';
const TIME = 'io.k8s.apimachinery.pkg.apis.meta.v1.Time';
const MICRO_TIME = 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime';
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';

/** What has a component of its own although it is no object. */
const SCALARS: Readonly<Record<string, JsonObject>> = {
  [TIME]: { type: 'string', format: 'date-time', description: 'A moment, as RFC 3339 with seconds.' },
  [MICRO_TIME]: {
    type: 'string',
    format: 'date-time',
    description: 'A moment, as RFC 3339 with microseconds.',
  },
  [QUANTITY]: {
    description: 'An amount such as 500m, 2, 128Mi or 1G.',
    oneOf: [{ type: 'string' }, { type: 'number' }],
  },
  [INT_OR_STRING]: {
    description: 'A number, or a string such as a percentage or the name of a port.',
    format: 'int-or-string',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
  },
};

/** Collects the components that the schemas given to it need. */
export class Components {
  readonly schemas: Record<string, JsonObject> = {};

  /** A reference to the schema's component. `name` is for an object that has none of its own. */
  refer(schema: ObjectSchema, name: string = schema.name): JsonObject {
    if (this.schemas[name] === undefined) {
      // In its place before it is expanded: schemas may contain themselves.
      this.schemas[name] = {};
      Object.assign(this.schemas[name], this.#object(schema));
    }
    return { $ref: PREFIX + name };
  }

  #scalar(name: string): JsonObject {
    this.schemas[name] = SCALARS[name] ?? {};
    return { $ref: PREFIX + name };
  }

  schema(schema: Schema): JsonObject {
    switch (schema.type) {
      case 'object':
        return schema.name === '' ? this.#object(schema) : this.refer(schema);
      case 'array':
        return this.#array(schema);
      case 'map':
        return {
          type: 'object',
          additionalProperties: this.schema(schema.values),
          ...(schema.atomic === true ? { 'x-kubernetes-map-type': 'atomic' } : {}),
        };
      case 'time':
        return this.#scalar(schema.micro ? MICRO_TIME : TIME);
      case 'quantity':
        return this.#scalar(QUANTITY);
      case 'int-or-string':
        return this.#scalar(INT_OR_STRING);
      default:
        return plain(schema);
    }
  }

  #object(schema: ObjectSchema): JsonObject {
    const properties = Object.entries(schema.fields).map(([name, field]) => [
      name,
      this.#property(schema, name, field),
    ]);
    const description = DESCRIPTIONS[schema.name]?.[''];
    return {
      type: 'object',
      ...(description === undefined ? {} : { description }),
      ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
      ...(schema.required.length === 0 ? {} : { required: schema.required }),
      ...(schema.preserveUnknown ? { 'x-kubernetes-preserve-unknown-fields': true } : {}),
      ...(schema.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    };
  }

  #property(owner: ObjectSchema, name: string, field: Field): JsonObject {
    const made = this.schema(field.schema);
    const description = field.description ?? DESCRIPTIONS[owner.name]?.[name];
    return {
      // Beside a bare $ref nothing else may stand.
      ...('$ref' in made ? { allOf: [made] } : made),
      ...(description === undefined ? {} : { description }),
      ...(field.default === undefined ? {} : { default: field.default }),
      ...(field.nullable === true ? { nullable: true } : {}),
      ...(field.patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': field.patchStrategy }),
    };
  }

  #array(schema: ArraySchema): JsonObject {
    const items = this.schema(schema.items);
    return {
      type: 'array',
      items: '$ref' in items ? { allOf: [items] } : items,
      'x-kubernetes-list-type': schema.listType,
      ...(schema.mapKeys.length === 0 ? {} : { 'x-kubernetes-list-map-keys': schema.mapKeys }),
      ...(schema.patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': schema.patchStrategy }),
      ...(schema.mergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': schema.mergeKey }),
    };
  }
}

function plain(schema: Schema): JsonObject {
  switch (schema.type) {
    case 'string':
      return {
        type: 'string',
        ...(schema.enum === undefined ? {} : { enum: schema.enum }),
        ...(schema.format === undefined ? {} : { format: schema.format }),
      };
    case 'integer':
      return {
        type: 'integer',
        ...(schema.format === undefined ? {} : { format: schema.format }),
      };
    case 'number':
      return { type: 'number', format: 'double' };
    case 'boolean':
      return { type: 'boolean' };
    case 'bytes':
      return { type: 'string', format: 'byte' };
    default:
      return { 'x-kubernetes-preserve-unknown-fields': true };
  }
}
