import { cpus, release, totalmem } from 'node:os';
import { formatTable } from '../src/cli/table.ts';
import { type Bound, isMeasured, median, quantile, type Result } from './result.ts';

/** A result with what is computed from it, as it is written for programs. */
export interface Line {
  readonly id: string;
  readonly what: string;
  readonly unit?: string;
  readonly median?: number;
  readonly p90?: number;
  readonly samples?: readonly number[];
  readonly promises?: readonly Promised[];
  readonly unavailable?: string;
}

/** A bound, with what was found: the median, or how many times that of another result. */
export interface Promised extends Bound {
  readonly value: number;
  readonly kept: boolean;
}

export interface Report {
  readonly machine: {
    readonly cpu: string;
    readonly cpus: number;
    readonly memoryMiB: number;
    kernel: string;
  };
  readonly node: string;
  readonly lines: readonly Line[];
}

export function makeReport(results: readonly Result[]): Report {
  const processors = cpus();
  return {
    machine: {
      cpu: processors[0]?.model ?? 'unknown',
      cpus: processors.length,
      memoryMiB: Math.round(totalmem() / 1024 ** 2),
      kernel: release(),
    },
    node: process.version,
    lines: results.map((result) => lineOf(result, results)),
  };
}

function lineOf(result: Result, all: readonly Result[]): Line {
  if (!isMeasured(result)) return result;
  const { id, what, unit, samples, bounds = [] } = result;
  const middle = median(samples);
  return {
    id,
    what,
    unit,
    median: round(middle),
    p90: round(quantile(samples, 0.9)),
    samples: samples.map(round),
    promises: bounds.flatMap((bound) => promiseOf(middle, { bound, all })),
  };
}

/** None where the other result was not measured. */
function promiseOf(
  middle: number,
  { bound, all }: { readonly bound: Bound; readonly all: readonly Result[] },
): Promised[] {
  const { to, atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = bound;
  const other = all.find(({ id }) => id === to);
  if (to !== undefined && (other === undefined || !isMeasured(other))) return [];
  const value = round(other !== undefined && isMeasured(other) ? middle / median(other.samples) : middle);
  return [{ ...bound, value, kept: value <= atMost && value >= atLeast }];
}

export function reportTable({ machine, node, lines }: Report): string {
  const rows = lines.map((line) =>
    line.unavailable === undefined
      ? [
          line.what,
          `${line.median} ${line.unit}`,
          `${line.p90}`,
          String(line.samples?.length ?? 0),
          (line.promises ?? []).map((promised) => promiseText(promised, line.unit)).join('; '),
        ]
      : [line.what, '-', '', '', `not measured: ${line.unavailable}`],
  );
  const head = `${machine.cpus} x ${machine.cpu}, ${machine.memoryMiB} MiB, Linux ${machine.kernel}, Node.js ${node}\n\n`;
  return head + formatTable(['what', 'median', 'p90', 'n', 'promise'], rows);
}

function promiseText({ to, atMost, atLeast, value, kept }: Promised, unit = ''): string {
  const bound = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
  const verdict = kept ? 'kept' : 'NOT KEPT';
  return to === undefined ? `${bound} ${unit}: ${verdict}` : `${value}x ${to}, ${bound}x: ${verdict}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
