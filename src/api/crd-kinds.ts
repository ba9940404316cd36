import type { CustomFacts, RuleCheck } from './custom/facts.ts';
import { type Node, readNode } from './custom/node.ts';
import { toObjectSchema } from './custom/to-schema.ts';
import { compareVersions } from './discovery.ts';
import { isJsonObject } from './json.ts';
import type { Kind, KindTable, PrinterColumn, ScalePaths, Subresource, Verb } from './kind.ts';
import type { ObjectSchema, Schema } from './schema.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from './types.generated.ts';

const VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];
const SUBRESOURCE_VERBS: readonly Verb[] = ['get', 'patch', 'update'];
const SERVICE_PORT = 443;

/** What the CRD alone does not say. */
export interface CrdKindOptions {
  readonly table: KindTable;
  readonly since: number;
  readonly gone: AbortSignal;
  /** Compiles the rules of a version's schema; undefined where there are none. */
  readonly compileRules: (root: Node) => RuleCheck | undefined;
}

/** The kinds a CRD without faults serves, one for each served version, to be added to a {@link KindTable}. */
export function crdKinds(crd: CustomResourceDefinition, options: CrdKindOptions): readonly Kind[] {
  const versions = new VersionNodes(crd);
  return crd.spec.versions
    .filter(({ served }) => served)
    .map((version) => crdKind(crd, version, { ...options, versions }));
}

/** Schemas of all versions, each read when it is first asked for. */
class VersionNodes {
  readonly #sources: ReadonlyMap<string, unknown>;
  readonly #nodes = new Map<string, Node>();

  constructor({ spec }: CustomResourceDefinition) {
    this.#sources = new Map(spec.versions.map(({ name, schema }) => [name, schema?.openAPIV3Schema]));
  }

  get(version: string): Node | undefined {
    if (!this.#sources.has(version)) return undefined;
    const node = this.#nodes.get(version) ?? readNode(this.#sources.get(version));
    this.#nodes.set(version, node);
    return node;
  }
}

interface Parts extends CrdKindOptions {
  readonly versions: VersionNodes;
}

function crdKind(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  parts: Parts,
): Kind {
  const { names, group, scope, versions } = crd.spec;
  const custom = factsOf(crd, version, parts);
  const selectable = version.selectableFields?.map(({ jsonPath }) => jsonPath.replace(/^\./, ''));
  const schema = once(() => rootSchema(custom.root, custom.meta));
  return {
    group,
    version: version.name,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    resource: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    verbs: VERBS,
    storageVersion: versions.find(({ storage }) => storage)?.name ?? version.name,
    subresources: subresourcesOf(group, names.kind, version),
    get schema() {
      return schema();
    },
    custom,
    ...(selectable === undefined ? {} : { selectableFields: selectable }),
    ...printerColumns(version),
    ...scalePaths(version),
  };
}

function factsOf(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  { table, versions, since, gone, compileRules }: Parts,
): CustomFacts {
  const openApi = version.schema?.openAPIV3Schema;
  const root = once(() => versions.get(version.name) ?? readNode(openApi));
  const checkRules = once(() => (root().has.rules ? compileRules(root()) : undefined));
  return {
    get root() {
      return root();
    },
    get checkRules() {
      return checkRules();
    },
    versions,
    meta: table.schemaOf('v1', 'ConfigMap')?.fields.metadata?.schema ?? { type: 'any' },
    openApi: isJsonObject(openApi) ? openApi : {},
    webhook: webhookOf(crd),
    since,
    deprecation: deprecationOf(crd, version),
    terminating: crd.metadata?.deletionTimestamp !== undefined,
    gone,
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function webhookOf({ metadata, spec }: CustomResourceDefinition): CustomFacts['webhook'] {
  const { strategy, webhook } = spec.conversion ?? { strategy: 'None' };
  if (strategy !== 'Webhook') return undefined;
  const { url, service, caBundle = '' } = webhook?.clientConfig ?? {};
  return {
    name: metadata?.name ?? '',
    url,
    service:
      service === undefined
        ? undefined
        : {
            namespace: service.namespace,
            name: service.name,
            path: service.path ?? '',
            port: service.port ?? SERVICE_PORT,
          },
    caBundle,
    reviewVersions: webhook?.conversionReviewVersions ?? [],
  };
}

/** What the CRD says, else what to use instead: the newest version that is more mature and not deprecated itself. */
function deprecationOf(
  { spec }: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
): string | undefined {
  if (version.deprecated !== true) return undefined;
  if (version.deprecationWarning !== undefined) return version.deprecationWarning;
  const { group, names } = spec;
  const [better] = spec.versions
    .filter((one) => one.served && one.deprecated !== true && compareVersions(one.name, version.name) < 0)
    .map(({ name }) => name)
    .sort(compareVersions);
  const instead = better === undefined ? '' : `; use ${group}/${better} ${names.kind}`;
  return `${group}/${version.name} ${names.kind} is deprecated${instead}`;
}

function printerColumns({ additionalPrinterColumns: columns }: CustomResourceDefinitionVersion): {
  readonly printerColumns?: readonly PrinterColumn[];
} {
  if (columns === undefined || columns.length === 0) return {};
  return {
    printerColumns: columns.map(({ name, type, format, description, priority, jsonPath }) => ({
      name,
      type,
      format: format ?? '',
      description: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
      priority: priority ?? 0,
      jsonPath,
    })),
  };
}

function scalePaths({ subresources }: CustomResourceDefinitionVersion): {
  readonly scalePaths?: ScalePaths;
} {
  const scale = subresources?.scale;
  if (scale === undefined) return {};
  return {
    scalePaths: {
      replicas: scale.specReplicasPath,
      statusReplicas: scale.statusReplicasPath,
      ...(scale.labelSelectorPath === undefined ? {} : { labelSelector: scale.labelSelectorPath }),
    },
  };
}

function subresourcesOf(
  group: string,
  kind: string,
  version: CustomResourceDefinitionVersion,
): Subresource[] {
  const verbs = SUBRESOURCE_VERBS;
  const scale = { name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs };
  const status = { name: 'status', group, version: version.name, kind, verbs };
  return [
    ...(version.subresources?.scale === undefined ? [] : [scale]),
    ...(version.subresources?.status === undefined ? [] : [status]),
  ];
}

/** The CRD's schema, with what every object has; a CRD says nothing about those, or repeats it. */
function rootSchema(root: Node, meta: Schema): ObjectSchema {
  const own = toObjectSchema(root);
  const string: Schema = { type: 'string' };
  return {
    ...own,
    fields: {
      ...own.fields,
      apiVersion: { schema: string },
      kind: { schema: string },
      metadata: { schema: meta },
    },
  };
}
