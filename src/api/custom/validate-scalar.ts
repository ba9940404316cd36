import type { ErrorDetail } from '../../lib/errors.ts';
import { equalJson } from '../json.ts';
import { invalid, NO_FIELD, tooLong, unsupported, wrongType } from './faults.ts';
import type { Node, NodeType, Pattern } from './node.ts';

/** How a value is not of the node's type; undefined where it is. */
export function typeFault(
  node: Node,
  value: unknown,
  path: string,
): { readonly value: string; readonly why: string } | undefined {
  const { types, checks } = node;
  const actual = typeOf(value);
  if (value === null)
    return types.length === 0 || node.nullable ? undefined : fault(path, types.join(','), 'null');
  if (types.length === 0 || isOf(types, actual)) return undefined;
  // Upstream names the format where there is one and what came is neither text nor a list.
  if (checks.format !== '' && actual !== 'string' && actual !== 'array')
    return fault(path, checks.format, actual === 'integer' ? 'int64' : actual === 'number' ? 'float64' : '');
  return fault(path, types.join(','), actual);
}

function fault(path: string, want: string, value: string) {
  return { value, why: `${path} in body must be of type ${want}: ${JSON.stringify(value)}` };
}

function isOf(types: readonly NodeType[], actual: NodeType | 'null'): boolean {
  return types.some((type) => type === actual || (type === 'number' && actual === 'integer'));
}

/** An integer is a number without a fraction that fits into 64 bits. */
export function typeOf(value: unknown): NodeType | 'null' {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? 'integer' : 'number';
  if (typeof value === 'string') return 'string';
  return typeof value === 'boolean' ? 'boolean' : 'object';
}

/** How many steps all patterns may take together for one object. */
export interface PatternBudget {
  left: number;
}

/** What the node says against the value itself, whatever stands below it. */
export function checkScalar(
  node: Node,
  value: unknown,
  { path, budget }: { readonly path: string; readonly budget: PatternBudget },
): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  if (typeof value === 'string') textFaults(node, value, { path, faults, budget });
  else if (typeof value === 'number') numberFaults(node, value, { path, faults });
  const values = node.checks.enum;
  if (values.length > 0 && !isAmong(node.checks, value))
    faults.push(unsupported(fieldOf(path), value, values.map(shown)));
  return faults;
}

function isAmong({ enum: values, enumSet }: Node['checks'], value: unknown): boolean {
  return enumSet === undefined ? values.some((one) => equalJson(one, value)) : enumSet.has(value);
}

interface Into {
  readonly path: string;
  readonly faults: ErrorDetail[];
}

/** The first of length and pattern that does not fit, and the format. */
function textFaults(
  { checks }: Node,
  value: string,
  { path, faults, budget }: Into & { readonly budget: PatternBudget },
): void {
  const field = fieldOf(path);
  const { minLength, maxLength, pattern, format } = checks;
  if (maxLength !== undefined && value.length > maxLength && codePoints(value) > maxLength)
    faults.push(tooLong(field, maxLength));
  else if (minLength !== undefined && (value.length < minLength || codePoints(value) < minLength))
    faults.push(invalid(field, value, `${path} in body should be at least ${minLength} chars long`));
  else if (pattern !== undefined) faults.push(...patternFaults(pattern, value, { path, budget }));
  if (checks.formatCheck?.(value) === false)
    faults.push(
      wrongType(field, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`),
    );
}

function patternFaults(
  { text, expression, size }: Pattern,
  value: string,
  { path, budget }: { readonly path: string; readonly budget: PatternBudget },
): ErrorDetail[] {
  budget.left -= size * value.length;
  if (budget.left < 0)
    return [invalid(fieldOf(path), '', `${path} in body takes too long to be matched against '${text}'`)];
  if (expression.matcher(value).find()) return [];
  return [invalid(fieldOf(path), value, `${path} in body should match '${text}'`)];
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function numberFaults({ types, checks }: Node, value: number, { path, faults }: Into): void {
  const field = fieldOf(path);
  const say = (why: string) => faults.push(invalid(field, value, `${path} in body should be ${why}`));
  const { minimum, maximum, multipleOf, exclusiveMaximum, exclusiveMinimum, format } = checks;
  const [type] = types;
  if (types.length === 1 && type !== undefined && !isInRange(value, format))
    faults.push(
      invalid(NO_FIELD, '', `Checked value must be of type ${type} with format ${format} in ${path}`),
    );
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) say(`a multiple of ${multipleOf}`);
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    say(`less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    say(`greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
}

function isInRange(value: number, format: string): boolean {
  if (format === 'int32') return value >= -(2 ** 31) && value < 2 ** 31;
  return format !== 'float' || Number.isFinite(Math.fround(value));
}

/** Floating point is forgiven its last digits, as upstream does. */
function isMultiple(value: number, factor: number): boolean {
  if (factor <= 0) return false;
  if (Number.isInteger(value) && Number.isInteger(factor)) return value % factor === 0;
  const times = factor < 1 ? (1 / factor) * value : value / factor;
  const whole = Math.round(times);
  return times === whole || Math.abs(times - whole) / (Math.abs(times) + Math.abs(whole)) < 1e-9;
}

function fieldOf(path: string): string {
  const field = path.startsWith('.') ? path.slice(1) : path;
  return field === '' ? NO_FIELD : field;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
