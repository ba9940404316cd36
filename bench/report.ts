import { cpus, release, totalmem } from 'node:os';
import { formatTable } from '../src/cli/table.ts';
import { isMeasured, median, quantile, type Result } from './result.ts';

/** A result with what is computed from it, as it is written for programs. */
export interface Line {
  readonly id: string;
  readonly what: string;
  readonly unit?: string;
  readonly median?: number;
  readonly p90?: number;
  readonly samples?: readonly number[];
  /** The median divided by that of another result. */
  readonly ratio?: { readonly to: string; readonly value: number };
  readonly promise?: { readonly atMost: number; readonly kept: boolean };
  readonly unavailable?: string;
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
  const { id, what, unit, samples, against, atMost } = result;
  const middle = median(samples);
  const other = all.find((one) => one.id === against?.id);
  const ratio =
    against !== undefined && other !== undefined && isMeasured(other)
      ? { to: against.id, value: round(middle / median(other.samples)) }
      : undefined;
  const promise =
    against !== undefined && ratio !== undefined
      ? { atMost: against.atMost, kept: ratio.value <= against.atMost }
      : atMost !== undefined
        ? { atMost, kept: middle <= atMost }
        : undefined;
  return {
    id,
    what,
    unit,
    median: round(middle),
    p90: round(quantile(samples, 0.9)),
    samples: samples.map(round),
    ...(ratio === undefined ? {} : { ratio }),
    ...(promise === undefined ? {} : { promise }),
  };
}

export function reportTable({ machine, node, lines }: Report): string {
  const rows = lines.map((line) =>
    line.unavailable === undefined
      ? [
          line.what,
          `${line.median} ${line.unit}`,
          `${line.p90}`,
          String(line.samples?.length ?? 0),
          line.ratio === undefined ? '' : `${line.ratio.value}x`,
          line.promise === undefined ? '' : promiseText(line),
        ]
      : [line.what, '-', '', '', '', `not measured: ${line.unavailable}`],
  );
  const head = `${machine.cpus} x ${machine.cpu}, ${machine.memoryMiB} MiB, Linux ${machine.kernel}, Node.js ${node}\n\n`;
  return head + formatTable(['what', 'median', 'p90', 'n', 'ratio', 'promise'], rows);
}

function promiseText({ promise, ratio, unit }: Line): string {
  if (promise === undefined) return '';
  return `at most ${promise.atMost}${ratio === undefined ? ` ${unit}` : 'x'}: ${promise.kept ? 'kept' : 'NOT KEPT'}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
