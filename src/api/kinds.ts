import { type DefinitionFacts, Definitions } from './definitions.ts';
import {
  apiVersionOf,
  type Kind,
  type KindTable,
  qualifiedResource,
  type Subresource,
  type Verb,
} from './kind.ts';
import { KIND_FACTS } from './kinds.generated.ts';
import { RESOURCE_NAMES } from './names.ts';
import type { ObjectSchema } from './schema.ts';

type SubresourceRow = readonly [name: string, group: string, version: string, kind: string, verbs: string];
type ResourceRow = readonly [
  group: string,
  version: string,
  kind: string,
  resource: string,
  namespaced: 0 | 1,
  verbs: string,
  subresources: readonly SubresourceRow[],
];

/** A table with every generally available built-in kind. Each call makes a new one. */
export function createKindTable(): KindTable {
  // What the generator wrote, in its own form; a test reads every row and definition.
  const facts = JSON.parse(KIND_FACTS) as {
    kinds: readonly ResourceRow[];
    definitions: Readonly<Record<string, DefinitionFacts>>;
  };
  const definitions = new Definitions(facts.definitions);
  const table = new Kinds(definitions);
  for (const row of facts.kinds) table.add(builtinKind(row, definitions));
  return table;
}

class Kinds implements KindTable {
  readonly #definitions: Definitions;
  readonly #byResource = new Map<string, Kind>();
  readonly #byKind = new Map<string, Kind>();
  readonly #listeners = new Set<() => void>();
  #all: readonly Kind[] | undefined;

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  find(group: string, version: string, resource: string): Kind | undefined {
    return this.#byResource.get(`${group}/${version}/${resource}`);
  }

  byKind(apiVersion: string, kind: string): Kind | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }

  all(): readonly Kind[] {
    this.#all ??= [...this.#byResource.values()];
    return this.#all;
  }

  schemaOf(apiVersion: string, kind: string): ObjectSchema | undefined {
    const served = this.byKind(apiVersion, kind)?.schema ?? this.#definitions.ofKind(apiVersion, kind);
    if (served !== undefined) return served;
    const listed = this.all().find((each) => each.listKind === kind && apiVersionOf(each) === apiVersion);
    return listed === undefined ? undefined : this.#listOf(listed.schema);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(kind: Kind): void {
    this.#drop(kind.group, kind.version, kind.resource);
    this.#byResource.set(`${kind.group}/${kind.version}/${kind.resource}`, kind);
    this.#byKind.set(`${apiVersionOf(kind)}/${kind.kind}`, kind);
    this.#changed();
  }

  remove(group: string, version: string, resource: string): void {
    if (this.#drop(group, version, resource)) this.#changed();
  }

  #drop(group: string, version: string, resource: string): boolean {
    const known = this.find(group, version, resource);
    if (known === undefined) return false;
    this.#byResource.delete(`${group}/${version}/${resource}`);
    this.#byKind.delete(`${apiVersionOf(known)}/${known.kind}`);
    return true;
  }

  #changed(): void {
    this.#all = undefined;
    for (const listener of this.#listeners) listener();
  }

  #listOf(items: ObjectSchema): ObjectSchema {
    const string = { schema: { type: 'string' } } as const;
    return {
      type: 'object',
      name: '',
      fields: {
        apiVersion: string,
        kind: string,
        metadata: { schema: this.#definitions.get('apimachinery.pkg.apis.meta.v1.ListMeta') },
        items: { schema: { type: 'array', items, listType: 'atomic', mapKeys: [] } },
      },
      required: ['items'],
      preserveUnknown: false,
      atomic: false,
    };
  }
}

function builtinKind(row: ResourceRow, definitions: Definitions): Kind {
  const [group, version, kind, resource, namespaced, verbs, subresources] = row;
  const names = RESOURCE_NAMES[qualifiedResource({ group, resource })];
  const schema = definitions.ofKind(apiVersionOf({ group, version }), kind);
  if (schema === undefined)
    throw new RangeError(`the generated table has no definition of ${kind} in ${group}/${version}`);
  return {
    group,
    version,
    kind,
    listKind: `${kind}List`,
    resource,
    singular: kind.toLowerCase(),
    shortNames: names?.shortNames ?? [],
    categories: names?.categories ?? [],
    namespaced: namespaced === 1,
    verbs: verbList(verbs),
    storageVersion: names?.storageVersion ?? version,
    ...(names?.storageGroup === undefined ? {} : { storageGroup: names.storageGroup }),
    subresources: subresources.map(builtinSubresource),
    schema,
  };
}

function builtinSubresource([name, group, version, kind, verbs]: SubresourceRow): Subresource {
  return { name, group, version, kind, verbs: verbList(verbs) };
}

function verbList(words: string): readonly Verb[] {
  // The generator writes no other words.
  return words.split(' ') as Verb[];
}
