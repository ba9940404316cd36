import type { Writable } from 'node:stream';

/** Columns as kubectl prints them: upper-case heads, three spaces between, the last one ragged. */
export function formatTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('   ');
  return `${[heads.map((head) => head.toUpperCase()), ...rows].map(line).join('\n')}\n`;
}

/** Prints a value as JSON for programs, or as what `human` makes of it for people. */
export function print<T>(
  out: Writable,
  format: string | undefined,
  value: T,
  human: (value: T) => string,
): void {
  out.write(format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : human(value));
}

/** `1.2 GiB`, `340 KiB` */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `840 ms`, `2.3 s`, `4m10s` */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)}m${Math.round((ms % 60_000) / 1000)}s`;
}
