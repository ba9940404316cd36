import { readNode } from '../../custom/node.ts';
import { toObjectSchema } from '../../custom/to-schema.ts';
import type { ApiObject } from '../../kind.ts';
import type { ObjectSchema } from '../../schema.ts';
import { applyConfig } from '../apply-config.ts';
import type { Entry, Writer } from '../entry.ts';
import { type FieldSet, pathsOf, pathText } from '../field-set.ts';
import { differencesOf, type VersionOf } from '../kind-versions.ts';
import { ownUpdate } from '../own-update.ts';

/** A schema with a list, set or map of every type that apply tells apart. */
export const EVERYTHING: ObjectSchema = toObjectSchema(
  readNode({
    type: 'object',
    properties: {
      number: { type: 'integer' },
      text: { type: 'string' },
      flag: { type: 'boolean' },
      atoms: { type: 'array', items: { type: 'string' } },
      set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      list: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: {
          type: 'object',
          properties: {
            name: { type: 'string' },
            value: { type: 'integer' },
            other: { type: 'integer' },
            set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
            map: { type: 'object', additionalProperties: { type: 'string' } },
          },
        },
      },
      ports: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['port', 'protocol'],
        items: {
          type: 'object',
          properties: {
            port: { type: 'integer' },
            protocol: { type: 'string', default: 'TCP' },
            name: { type: 'string' },
          },
        },
      },
      map: { type: 'object', additionalProperties: { type: 'string' } },
      nested: {
        type: 'object',
        additionalProperties: { type: 'object', additionalProperties: { type: 'string' } },
      },
      struct: {
        type: 'object',
        properties: { name: { type: 'string' }, value: { type: 'integer' } },
      },
      whole: {
        type: 'object',
        'x-kubernetes-map-type': 'atomic',
        properties: { name: { type: 'string' }, value: { type: 'integer' } },
      },
      free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
  }),
);

/** One object and its owners, written by apply and by update as an API server does, without any server. */
export class Cluster {
  object: Readonly<Record<string, unknown>> = {};
  entries: readonly Entry[] = [];
  readonly #schema: ObjectSchema;
  readonly #versionOf: VersionOf;
  #seconds = 0;

  constructor(schema: ObjectSchema = EVERYTHING, versionOf?: VersionOf) {
    this.#schema = schema;
    this.#versionOf = versionOf ?? (() => ({ schema, convert: (object) => ({ ...object }) }));
  }

  /** @throws Conflict */
  apply(manager: string, config: object, options: { force?: boolean; version?: string } = {}): this {
    const { force = false, version = 'v1' } = options;
    const applied = applyConfig({
      schema: this.#schemaOf(version),
      live: this.#in(version),
      config: config as ApiObject, // Names and versions do not matter here.
      entries: this.entries,
      writer: this.#writer(manager, 'Apply', version),
      versionOf: this.#versionOf,
      force: force ? true : () => ({}),
    });
    this.object = applied.object;
    this.entries = applied.entries;
    return this;
  }

  update(manager: string, object: object, version = 'v1'): this {
    const next = object as ApiObject; // As above.
    const writer = this.#writer(manager, 'Update', version);
    const from = {
      schema: this.#schemaOf(version),
      live: this.#in(version),
      writer,
      versionOf: this.#versionOf,
    };
    this.entries = ownUpdate(this.entries, differencesOf(from, next), writer);
    this.object = next;
    return this;
  }

  /** Who owns what, as paths. */
  owners(): Record<string, string[]> {
    return Object.fromEntries(this.entries.map((entry) => [entry.manager ?? '', textsOf(entry.fieldsV1)]));
  }

  #schemaOf(version: string): ObjectSchema {
    const schema = this.#versionOf(version)?.schema ?? this.#schema;
    return schema.type === 'object' ? schema : this.#schema;
  }

  #in(version: string): ApiObject {
    const object = this.object as ApiObject;
    return this.#versionOf(version)?.convert(object) ?? object;
  }

  #writer(manager: string, operation: Writer['operation'], apiVersion: string): Writer {
    this.#seconds += 1;
    const now = `2026-01-01T00:00:${String(this.#seconds).padStart(2, '0')}Z`;
    return { manager, operation, apiVersion, subresource: '', now };
  }
}

export function textsOf(set: FieldSet): string[] {
  return pathsOf(set).map(pathText).sort();
}
