import type { ApiObject, Kind, ObjectMeta } from '../../api/kind.ts';
import type { ObjectBytes } from '../../registry/registry.ts';

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables */
export interface TableColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format: string;
  readonly description: string;
  /** 0: always shown; above: only with `-o wide`. */
  readonly priority: number;
}

export interface PrintedTable {
  readonly columns: readonly TableColumn[];
  /** Cells of each object, in the order of the objects. */
  readonly rows: ReadonlyArray<readonly unknown[]>;
}

/** Prints objects of one kind; undefined where it knows no columns for it. */
export type TableOf = (kind: Kind, objects: readonly Readonly<ApiObject>[]) => PrintedTable | undefined;

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** What each row of a table carries beside its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export function tableOfObjects(options: {
  kind: Kind;
  objects: readonly ObjectBytes[];
  meta: ListMeta;
  tableOf: TableOf | undefined;
  includeObject: IncludeObject;
}): Record<string, unknown> {
  const { kind, meta, includeObject } = options;
  const objects = options.objects.map((bytes) => bytes.object());
  const printed = options.tableOf?.(kind, objects) ?? genericTable(objects);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: meta,
    columnDefinitions: printed.columns,
    rows: objects.map((object, index) => ({
      cells: printed.rows[index] ?? [],
      ...(includeObject === 'None'
        ? {}
        : { object: includeObject === 'Object' ? object : partialOf(object.metadata) }),
    })),
  };
}

export function partialOf(metadata: Readonly<ObjectMeta>): Record<string, unknown> {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}

export function partialListOf(objects: readonly ObjectBytes[], meta: ListMeta): Record<string, unknown> {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata: meta,
    items: objects.map((bytes) => partialOf(bytes.metadata())),
  };
}

function genericTable(objects: readonly Readonly<ApiObject>[]): PrintedTable {
  return {
    columns: [
      {
        name: 'Name',
        type: 'string',
        format: 'name',
        description: 'Unique within its namespace',
        priority: 0,
      },
      { name: 'Created At', type: 'date', format: '', description: 'When the object was made', priority: 0 },
    ],
    rows: objects.map(({ metadata }) => [metadata.name, metadata.creationTimestamp ?? null]),
  };
}
