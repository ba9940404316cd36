import { createHash } from 'node:crypto';
import { customComponents } from './custom/open-api.ts';
import { servedGroups } from './discovery.ts';
import type { JsonObject } from './json.ts';
import { apiVersionOf, type Kind, type KindTable } from './kind.ts';
import { pathsOf } from './openapi-paths.ts';
import { Components } from './openapi-schema.ts';

/**
 * `/openapi/v3`: where the document of each group-version is, of other servers' as they say. The hash in an address changes with the
 * document, so what is behind it may be cached for good.
 * https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
 */
export function openApiIndex(
  documents: OpenApiDocuments,
  elsewhere: Readonly<Record<string, string>> = {},
): JsonObject {
  const paths = documents.groupVersions().map(({ group, version }) => {
    const path = `${group === '' ? 'api' : 'apis'}/${apiVersionOf({ group, version })}`;
    const hash = documents.get(group, version)?.hash ?? '';
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  const others = Object.entries(elsewhere).map(([path, url]) => [path, { serverRelativeURL: url }]);
  return { paths: Object.fromEntries([...paths, ...others]) };
}

/** The OpenAPI 3.0 document of one group-version; undefined when it is not served. */
export function openApiDocument(table: KindTable, group: string, version: string): JsonObject | undefined {
  const kinds = kindsOf(table, group, version);
  if (kinds.length === 0) return undefined;
  const components = new Components();
  const meta = (kind: string) => {
    const schema = table.schemaOf('v1', kind);
    return schema === undefined ? {} : components.refer(schema);
  };
  const paths: Record<string, JsonObject> = {};
  for (const kind of kinds) {
    const { object, list } = refer(components, table, kind);
    const bodies = {
      object,
      list,
      deleteOptions: meta('DeleteOptions'),
      status: meta('Status'),
      subresource: (sub: Kind['subresources'][number]) => {
        const schema = table.schemaOf(apiVersionOf(sub), sub.kind);
        if (schema === undefined) return undefined;
        if (schema === kind.schema) return object;
        const reference = components.refer(schema);
        mark(components, schema.name, sub);
        return reference;
      },
    };
    Object.assign(paths, pathsOf(kind, bodies, kind.custom !== undefined));
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36.0' },
    paths,
    components: { schemas: components.schemas },
  };
}

/** Encoded documents, made when first asked for and again when the kinds of a group-version change. */
export class OpenApiDocuments {
  readonly #table: KindTable;
  readonly #made = new Map<string, Made>();

  constructor(table: KindTable) {
    this.#table = table;
  }

  groupVersions(): ReadonlyArray<{ readonly group: string; readonly version: string }> {
    return servedGroups(this.#table).flatMap(({ group, versions }) =>
      versions.map((version) => ({ group, version })),
    );
  }

  /** JSON, and the hash its address carries. */
  get(group: string, version: string): { readonly json: Buffer; readonly hash: string } | undefined {
    const key = `${group}/${version}`;
    const kinds = kindsOf(this.#table, group, version);
    const known = this.#made.get(key);
    if (known !== undefined && sameItems(known.kinds, kinds)) return known;
    const document = openApiDocument(this.#table, group, version);
    if (document === undefined) {
      this.#made.delete(key);
      return undefined;
    }
    const json = Buffer.from(JSON.stringify(document));
    const made = { kinds, json, hash: createHash('sha256').update(json).digest('hex').toUpperCase() };
    this.#made.set(key, made);
    return made;
  }
}

interface Made {
  readonly kinds: readonly Kind[];
  readonly json: Buffer;
  readonly hash: string;
}

function kindsOf(table: KindTable, group: string, version: string): Kind[] {
  return table.all().filter((kind) => kind.group === group && kind.version === version);
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** References to the components of a kind and of its list. */
function refer(
  components: Components,
  table: KindTable,
  kind: Kind,
): { readonly object: JsonObject; readonly list: JsonObject } {
  if (kind.custom !== undefined) return customComponents(components, table, { kind, custom: kind.custom });
  const object = components.refer(kind.schema);
  mark(components, kind.schema.name, kind);
  const schema = table.schemaOf(apiVersionOf(kind), kind.listKind);
  if (schema === undefined) return { object, list: {} };
  const list = components.refer(schema);
  mark(components, schema.name, { ...kind, kind: kind.listKind });
  return { object, list };
}

function mark(
  components: Components,
  name: string,
  { group, version, kind }: Pick<Kind, 'group' | 'version' | 'kind'>,
): void {
  const schema = components.schemas[name];
  if (schema !== undefined) schema['x-kubernetes-group-version-kind'] = [{ group, version, kind }];
}
