import { fault } from '../faults.ts';
import { type Int, toInt } from '../numbers.ts';
import { type Overload, overload } from '../signature.ts';
import { Opaque } from '../values.ts';

const TYPE = 'kubernetes.Semver';
const parseCost = (size: number): number => 5 + size * 0.1;
const FORM =
  /^(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,18})(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;

class Semver extends Opaque {
  readonly typeName = TYPE;
  readonly text: string;
  readonly numbers: readonly [bigint, bigint, bigint];
  /** What stands after the dash. */
  readonly release: readonly string[];

  constructor(text: string, numbers: readonly [bigint, bigint, bigint], release: readonly string[]) {
    super();
    this.text = text;
    this.numbers = numbers;
    this.release = release;
  }

  equals(other: Opaque): boolean {
    return other instanceof Semver && compare(this, other) === 0;
  }

  override toString(): string {
    return this.text;
  }
}

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-semver-library */
export function semvers(): Overload[] {
  const part =
    (index: 0 | 1 | 2) =>
    (version: Semver): Int =>
      toInt(version.numbers[index]);
  const must = (text: string, normalize = false): Semver => {
    const found = parse(text, normalize);
    if (found === undefined) throw fault(`Invalid Semver: ${text.slice(0, 128)}`);
    return found;
  };
  return [
    overload(`semver(string): ${TYPE}`, (text: string) => must(text), { cost: parseCost }),
    overload(`semver(string, bool): ${TYPE}`, must, { cost: parseCost }),
    overload('isSemver(string): bool', (text: string) => parse(text, false) !== undefined, {
      cost: parseCost,
    }),
    overload(
      'isSemver(string, bool): bool',
      (text: string, loose: boolean) => parse(text, loose) !== undefined,
      {
        cost: parseCost,
      },
    ),
    overload(`(${TYPE}).major(): int`, part(0)),
    overload(`(${TYPE}).minor(): int`, part(1)),
    overload(`(${TYPE}).patch(): int`, part(2)),
    overload(`(${TYPE}).isLessThan(${TYPE}): bool`, (a: Semver, b: Semver) => compare(a, b) < 0),
    overload(`(${TYPE}).isGreaterThan(${TYPE}): bool`, (a: Semver, b: Semver) => compare(a, b) > 0),
    overload(`(${TYPE}).compareTo(${TYPE}): int`, compare),
  ];
}

const LONGEST = 256;

function parse(text: string, normalize: boolean): Semver | undefined {
  const plain = normalize ? normalized(text.slice(0, LONGEST + 1)) : text;
  if (plain.length > LONGEST) return undefined;
  const match = FORM.exec(plain);
  if (match === null) return undefined;
  const [, major = '0', minor = '0', patch = '0', release] = match;
  const numbers = [BigInt(major), BigInt(minor), BigInt(patch)] as const;
  return new Semver(plain, numbers, release?.split('.') ?? []);
}

/** `v1.2` → `1.2.0`, `01.02.3` → `1.2.3`. */
function normalized(text: string): string {
  const plain = text.replace(/^v/, '');
  const end = plain.search(/[-+]/);
  const core = end < 0 ? plain : plain.slice(0, end);
  const parts = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length < 3) parts.push('0');
  return parts.join('.') + (end < 0 ? '' : plain.slice(end));
}

function compare(a: Semver, b: Semver): number {
  for (const [i, number] of a.numbers.entries()) {
    const other = b.numbers[i] ?? 0n;
    if (number !== other) return number < other ? -1 : 1;
  }
  if (a.release.length === 0 || b.release.length === 0) return Math.sign(b.release.length - a.release.length);
  for (let i = 0; i < Math.min(a.release.length, b.release.length); i++) {
    const order = compareParts(a.release[i] ?? '', b.release[i] ?? '');
    if (order !== 0) return order;
  }
  return Math.sign(a.release.length - b.release.length);
}

/** Numbers by value and before words; words by their characters. */
function compareParts(a: string, b: string): number {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left && right) {
    const difference = BigInt(a) - BigInt(b);
    return difference < 0n ? -1 : Number(difference > 0n);
  }
  if (left !== right) return left ? -1 : 1;
  return a < b ? -1 : Number(a > b);
}
