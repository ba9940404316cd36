import type { ApiObject, Kind } from '../kind.ts';
import { qualifiedResource } from '../kind.ts';
import type { Column } from './column.ts';
import { CORE_COLUMNS } from './core.ts';
import { OTHER_COLUMNS } from './others.ts';
import { WORKLOAD_COLUMNS } from './workloads.ts';

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  ...CORE_COLUMNS,
  ...WORKLOAD_COLUMNS,
  ...OTHER_COLUMNS,
};

export interface PrintedCells {
  readonly columns: readonly Column[];
  /** Cells of each object, in the order of the objects. */
  readonly rows: ReadonlyArray<readonly unknown[]>;
}

/**
 * What kubectl shows of built-in kinds; undefined for a kind without columns of its own.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
 */
export function createTablePrinter(now: () => number) {
  return (kind: Kind, objects: readonly Readonly<ApiObject>[]): PrintedCells | undefined => {
    const columns = COLUMNS[qualifiedResource(kind)];
    if (columns === undefined) return undefined;
    const at = now();
    return { columns, rows: objects.map((object) => columns.map((column) => column.cell(object, at))) };
  };
}
