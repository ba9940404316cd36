/** What one benchmark found. */
export type Result = Measured | Unavailable;

export interface Measured {
  /** Stable name, for programs: `pod.container`. */
  readonly id: string;
  /** What was measured, for people. */
  readonly what: string;
  readonly unit: 'ms' | 'MiB' | '/s' | 'MB/s';
  /** In the order they were taken. */
  readonly samples: readonly number[];
  readonly bounds?: readonly Bound[];
}

/** What is promised of the median, or, with `to`, of the median divided by that of the result of this id. */
export interface Bound {
  readonly to?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Unavailable {
  readonly id: string;
  readonly what: string;
  /** Why it could not be measured here. */
  readonly unavailable: string;
}

export function isMeasured(result: Result): result is Measured {
  return 'samples' in result;
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Linear between the two nearest samples. */
export function quantile(samples: readonly number[] | Float64Array, part: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
