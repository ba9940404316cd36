import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { labelValue, qualifiedName } from './meta-validation.ts';

/** All requirements must hold; none at all: everything matches. */
export type Selector = readonly Requirement[];

export interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'GreaterThan' | 'LessThan';
  readonly values: readonly string[];
}

/** metav1.LabelSelector */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: ReadonlyArray<{
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }>;
}

/** What matches nothing: a missing selector object. */
const NOTHING: Selector = [{ key: '', operator: 'In', values: [] }];

export function matchesLabels(
  selector: Selector,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return selector.every((requirement) => matchesOne(requirement, labels ?? {}));
}

function matchesOne(
  { key, operator, values }: Requirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'GreaterThan':
      return isWhole(value) && BigInt(value) > BigInt(values[0] ?? '0');
    case 'LessThan':
      return isWhole(value) && BigInt(value) < BigInt(values[0] ?? '0');
  }
}

function isWhole(value: string | undefined): value is string {
  return value !== undefined && /^-?\d{1,18}$/.test(value);
}

/** Missing: matches nothing. Empty: matches everything. @throws BadRequest for an operator that does not exist. */
export function fromLabelSelector(selector: LabelSelector | null | undefined): Selector {
  if (selector === null || selector === undefined) return NOTHING;
  const labels = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: 'In', values: [value] }),
  );
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values }): Requirement => {
    if (operator !== 'In' && operator !== 'NotIn' && operator !== 'Exists' && operator !== 'DoesNotExist') {
      throw new AmphoraError('BadRequest', `"${operator}" is not a valid label selector operator`);
    }
    return { key, operator, values: values ?? [] };
  });
  return [...labels, ...expressions];
}

/** `a=b,c in (d,e),!f,g notin (h)`. @throws BadRequest in upstream's words. */
export function parseLabelSelector(text: string): Selector {
  const tokens = tokensOf(text);
  const requirements: Requirement[] = [];
  while (tokens.at(0) !== undefined) {
    requirements.push(valid(parseRequirement(tokens)));
    if (requirements.length > LIMITS.selectorTerms)
      throw refuse(`more than ${LIMITS.selectorTerms} requirements`);
    const next = tokens.shift();
    if (next === undefined) break;
    if (next !== ',') throw refuse(`found '${next}', expected: ',' or 'end of string'`);
    if (tokens.length === 0) throw refuse(`found '', expected: identifier after ','`);
  }
  return requirements;
}

/** The string form that {@link parseLabelSelector} reads. */
export function formatSelector(selector: Selector): string {
  return selector.map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case 'In':
      return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(',')})`;
    case 'NotIn':
      return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${values.join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    case 'GreaterThan':
      return `${key}>${values[0]}`;
    case 'LessThan':
      return `${key}<${values[0]}`;
  }
}

function tokensOf(text: string): string[] {
  return text.match(/!=|==|[=!<>(),]|[^\s=!<>(),]+/g) ?? [];
}

function parseRequirement(tokens: string[]): Requirement {
  const first = tokens.shift() ?? '';
  if (first === '!') return { key: identifier(tokens.shift()), operator: 'DoesNotExist', values: [] };
  const key = identifier(first);
  const operator = tokens.at(0);
  if (operator === undefined || operator === ',') return { key, operator: 'Exists', values: [] };
  tokens.shift();
  switch (operator) {
    case '=':
    case '==':
      return { key, operator: 'In', values: [value(tokens)] };
    case '!=':
      return { key, operator: 'NotIn', values: [value(tokens)] };
    case '>':
      return { key, operator: 'GreaterThan', values: [value(tokens)] };
    case '<':
      return { key, operator: 'LessThan', values: [value(tokens)] };
    case 'in':
      return { key, operator: 'In', values: valueSet(tokens) };
    case 'notin':
      return { key, operator: 'NotIn', values: valueSet(tokens) };
    default:
      throw refuse(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
  }
}

function identifier(token: string | undefined): string {
  if (token === undefined || /^[=!<>(),]/.test(token))
    throw refuse(`found '${token ?? ''}', expected: identifier`);
  return token;
}

/** A missing value is the empty one: `a=` asks for an empty label. */
function value(tokens: string[]): string {
  const next = tokens.at(0);
  if (next === undefined || next === ',') return '';
  return identifier(tokens.shift());
}

function valueSet(tokens: string[]): string[] {
  const open = tokens.shift();
  if (open !== '(') throw refuse(`found '${open ?? ''}' expected: '('`);
  const values: string[] = [];
  for (let after = ','; after === ','; ) {
    const next = tokens.at(0);
    values.push(next === ',' || next === ')' ? '' : identifier(tokens.shift()));
    after = tokens.shift() ?? '';
    if (after !== ',' && after !== ')') throw refuse(`found '${after}', expected: ',' or ')'`);
  }
  return [...new Set(values)];
}

function valid(requirement: Requirement): Requirement {
  const { key, operator, values } = requirement;
  const [keyMessage] = qualifiedName(key);
  if (keyMessage !== undefined) throw refuse(`key: Invalid value: "${key}": ${keyMessage}`);
  if ((operator === 'GreaterThan' || operator === 'LessThan') && !isWhole(values[0])) {
    throw refuse(
      `values[0]: Invalid value: "${values[0]}": for 'Gt', 'Lt' operators, the value must be an integer`,
    );
  }
  const wrong = values.find((each) => labelValue(each).length > 0);
  if (wrong !== undefined) throw refuse(`values: Invalid value: "${wrong}": ${labelValue(wrong)[0]}`);
  return requirement;
}

function refuse(why: string): AmphoraError {
  return new AmphoraError('BadRequest', `unable to parse requirement: ${why}`);
}
