import type { ApiObject, Kind } from '../kind.ts';
import { qualifiedResource } from '../kind.ts';
import { ACCESS_COLUMNS } from './access.ts';
import { ADMISSION_COLUMNS } from './admission.ts';
import type { Column } from './column.ts';
import { CORE_COLUMNS } from './core.ts';
import { customColumns } from './custom.ts';
import { OTHER_COLUMNS } from './others.ts';
import { RULE_COLUMNS } from './rules.ts';
import { STORAGE_COLUMNS } from './storage.ts';
import { WORKLOAD_COLUMNS } from './workloads.ts';

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  ...CORE_COLUMNS,
  ...WORKLOAD_COLUMNS,
  ...OTHER_COLUMNS,
  ...ACCESS_COLUMNS,
  ...ADMISSION_COLUMNS,
  ...RULE_COLUMNS,
  ...STORAGE_COLUMNS,
};

export interface PrintedCells {
  readonly columns: readonly Column[];
  /** Cells of each object, in the order of the objects. */
  readonly rows: ReadonlyArray<readonly unknown[]>;
}

/**
 * What kubectl shows of built-in kinds and of what CRDs define; undefined for a kind without columns of its own.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
 */
export function createTablePrinter(now: () => number) {
  // Paths are parsed once for each kind; a CRD that changes makes a new one.
  const custom = new WeakMap<Kind, readonly Column[]>();
  const customOf = (kind: Kind) => {
    const made = custom.get(kind) ?? customColumns(kind);
    custom.set(kind, made);
    return made;
  };
  return (kind: Kind, objects: readonly Readonly<ApiObject>[]): PrintedCells | undefined => {
    const columns = kind.custom !== undefined ? customOf(kind) : COLUMNS[qualifiedResource(kind)];
    if (columns === undefined) return undefined;
    const at = now();
    return { columns, rows: objects.map((object) => columns.map((column) => column.cell(object, at))) };
  };
}
