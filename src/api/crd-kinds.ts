import { crdSchema } from './crd-schema.ts';
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

/**
 * The kinds a CRD serves, one for each served version, to be added to a {@link KindTable}.
 * @throws Invalid when a version's schema is not structural.
 */
export function crdKinds(crd: CustomResourceDefinition, table: KindTable): readonly Kind[] {
  const stored = crd.spec.versions.find(({ storage }) => storage);
  return crd.spec.versions
    .filter(({ served }) => served)
    .map((version) => crdKind(crd, version, { table, storageVersion: stored?.name ?? version.name }));
}

function crdKind(
  { spec }: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  from: { readonly table: KindTable; readonly storageVersion: string },
): Kind {
  const { names, group } = spec;
  const selectable = version.selectableFields?.map(({ jsonPath }) => jsonPath.replace(/^\./, ''));
  return {
    group,
    version: version.name,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    resource: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: spec.scope === 'Namespaced',
    verbs: VERBS,
    storageVersion: from.storageVersion,
    subresources: subresourcesOf(group, names.kind, version),
    schema: rootSchema(version, from.table),
    ...(selectable === undefined ? {} : { selectableFields: selectable }),
    ...printerColumns(version),
    ...scalePaths(version),
  };
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
function rootSchema({ name, schema }: CustomResourceDefinitionVersion, table: KindTable): ObjectSchema {
  const own = crdSchema(schema?.openAPIV3Schema, `spec.versions[${name}].schema.openAPIV3Schema`);
  const string: Schema = { type: 'string' };
  const meta = table.schemaOf('v1', 'ConfigMap')?.fields.metadata;
  return {
    ...own,
    fields: {
      ...own.fields,
      apiVersion: { schema: string },
      kind: { schema: string },
      metadata: meta ?? { schema: { type: 'any' } },
    },
  };
}
