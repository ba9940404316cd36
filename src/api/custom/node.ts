import { RE2JS } from 're2js';
import { isJsonObject, type JsonObject, memberOf } from '../json.ts';
import { type FormatCheck, formatCheck } from './formats.ts';

export type NodeType = 'array' | 'boolean' | 'integer' | 'number' | 'object' | 'string';

/**
 * One place of a CRD's schema, read once when the CRD changes: what all walks over custom objects follow.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export interface Node {
  /** Empty: any. Two for `x-kubernetes-int-or-string`. */
  readonly types: readonly NodeType[];
  readonly nullable: boolean;
  /** Undefined: none. */
  readonly default: unknown;
  readonly fields: ReadonlyMap<string, Node>;
  /** `additionalProperties`: true for any, false for none, undefined where the schema does not say. */
  readonly values: Node | boolean | undefined;
  readonly items: Node | undefined;
  /** `x-kubernetes-preserve-unknown-fields` */
  readonly preserves: boolean;
  /** `x-kubernetes-embedded-resource` */
  readonly embedded: boolean;
  readonly intOrString: boolean;
  readonly listType: 'atomic' | 'set' | 'map';
  readonly mapKeys: readonly string[];
  readonly atomicMap: boolean;
  readonly description: string | undefined;
  readonly checks: Checks;
  /** `x-kubernetes-validations` */
  readonly rules: readonly Rule[];
  /** What stands here or below, so that a walk leaves out what it does not concern. */
  readonly has: Readonly<Record<'defaults' | 'embedded' | 'uniqueLists' | 'rules', boolean>>;
}

export interface Checks {
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly exclusiveMinimum: boolean;
  readonly exclusiveMaximum: boolean;
  readonly multipleOf: number | undefined;
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly pattern: Pattern | undefined;
  readonly minItems: number | undefined;
  readonly maxItems: number | undefined;
  readonly minProperties: number | undefined;
  readonly maxProperties: number | undefined;
  readonly required: readonly string[];
  readonly enum: readonly unknown[];
  /** The same, to look up; undefined where not all are texts and numbers. */
  readonly enumSet: ReadonlySet<unknown> | undefined;
  /** Of a number: `int32`, `int64`, `float`, `double`; of a string: as the CRD writes it. Unknown ones are left out. */
  readonly format: string;
  readonly formatCheck: FormatCheck | undefined;
  readonly allOf: readonly Node[];
  readonly anyOf: readonly Node[];
  readonly oneOf: readonly Node[];
  readonly not: Node | undefined;
  /** Whether there is anything to check of a value itself, besides its type. */
  readonly any: boolean;
}

export interface Pattern {
  readonly text: string;
  readonly expression: RE2JS;
  /** Most steps for each character of a text. */
  readonly size: number;
}

/** One of `x-kubernetes-validations`; texts that are not given are empty. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
  readonly messageExpression: string;
  readonly reason: string;
  readonly fieldPath: string;
  readonly optionalOldSelf: boolean | undefined;
}

const TYPES: ReadonlySet<string> = new Set(['array', 'boolean', 'integer', 'number', 'object', 'string']);

/** Expressions that a schema has, each compiled once: the same ones stand in many places. */
type Patterns = Map<string, RE2JS>;

/** Reads an `openAPIV3Schema` that has no faults; what is not understood means nothing. */
export function readNode(source: unknown, patterns: Patterns = new Map()): Node {
  const from = isJsonObject(source) ? source : {};
  const fields = readFields(from.properties, patterns);
  const items = isJsonObject(from.items) ? readNode(from.items, patterns) : undefined;
  const values = readValues(from.additionalProperties, patterns);
  const checks = readChecks(from, patterns);
  const rules = list(from['x-kubernetes-validations']).map(readRule);
  const intOrString = from['x-kubernetes-int-or-string'] === true;
  const embedded = from['x-kubernetes-embedded-resource'] === true;
  const listType = from['x-kubernetes-list-type'];
  const preset = memberOf(from, 'default');
  const below = [...fields.values(), ...(items === undefined ? [] : [items])];
  if (typeof values === 'object') below.push(values);
  const unique = listType === 'set' || listType === 'map';
  const any = (what: keyof Node['has']) => below.some((node) => node.has[what]);
  return {
    types: intOrString ? ['integer', 'string'] : typesOf(from.type),
    nullable: from.nullable === true,
    default: preset ?? undefined,
    fields,
    values,
    items,
    preserves: from['x-kubernetes-preserve-unknown-fields'] === true,
    embedded,
    intOrString,
    listType: listType === 'set' || listType === 'map' ? listType : 'atomic',
    mapKeys: strings(from['x-kubernetes-list-map-keys']),
    atomicMap: from['x-kubernetes-map-type'] === 'atomic',
    description: typeof from.description === 'string' ? from.description : undefined,
    checks,
    rules,
    has: {
      defaults: (preset ?? undefined) !== undefined || any('defaults'),
      embedded: embedded || any('embedded'),
      uniqueLists: unique || any('uniqueLists'),
      rules: rules.length > 0 || any('rules') || checks.allOf.some((node) => node.has.rules),
    },
  };
}

function readRule(source: unknown): Rule {
  const from = isJsonObject(source) ? source : {};
  const text = (key: string) => (typeof from[key] === 'string' ? from[key] : '');
  return {
    rule: text('rule'),
    message: text('message'),
    messageExpression: text('messageExpression'),
    reason: text('reason'),
    fieldPath: text('fieldPath'),
    optionalOldSelf: typeof from.optionalOldSelf === 'boolean' ? from.optionalOldSelf : undefined,
  };
}

function readFields(properties: unknown, patterns: Patterns): ReadonlyMap<string, Node> {
  if (!isJsonObject(properties)) return new Map();
  return new Map(Object.entries(properties).map(([name, schema]) => [name, readNode(schema, patterns)]));
}

function readValues(source: unknown, patterns: Patterns): Node | boolean | undefined {
  if (typeof source === 'boolean') return source;
  return isJsonObject(source) ? readNode(source, patterns) : undefined;
}

function readChecks(from: JsonObject, patterns: Patterns): Checks {
  const count = (key: string) => (typeof from[key] === 'number' ? from[key] : undefined);
  const nodes = (key: string) => list(from[key]).map((one) => readNode(one, patterns));
  const format = supportedFormat(from);
  return {
    minimum: count('minimum'),
    maximum: count('maximum'),
    exclusiveMinimum: from.exclusiveMinimum === true,
    exclusiveMaximum: from.exclusiveMaximum === true,
    multipleOf: count('multipleOf'),
    minLength: count('minLength'),
    maxLength: count('maxLength'),
    pattern: readPattern(from.pattern, patterns),
    minItems: count('minItems'),
    maxItems: count('maxItems'),
    minProperties: count('minProperties'),
    maxProperties: count('maxProperties'),
    required: strings(from.required),
    enum: list(from.enum),
    enumSet: scalarSet(list(from.enum)),
    format,
    formatCheck: from.type === 'integer' || from.type === 'number' ? undefined : formatCheck(format),
    allOf: nodes('allOf'),
    anyOf: nodes('anyOf'),
    oneOf: nodes('oneOf'),
    not: isJsonObject(from.not) ? readNode(from.not, patterns) : undefined,
    any: format !== '' || SCALAR_CHECKS.some((key) => from[key] !== undefined),
  };
}

const SCALAR_CHECKS = ['minimum', 'maximum', 'multipleOf', 'minLength', 'maxLength', 'pattern', 'enum'];

/** RE2, as upstream: a CRD's pattern cannot take more than linear time, whatever it is tried on. */
function readPattern(text: unknown, patterns: Patterns): Checks['pattern'] {
  if (typeof text !== 'string' || text === '') return undefined;
  const expression = patterns.get(text) ?? tryCompile(text);
  if (expression === undefined) return undefined;
  patterns.set(text, expression);
  return { text, expression, size: expression.programSize() };
}

/** What is no expression is refused before it is stored. */
function tryCompile(text: string): RE2JS | undefined {
  try {
    return RE2JS.compile(text);
  } catch {
    return undefined;
  }
}

function scalarSet(values: readonly unknown[]): ReadonlySet<unknown> | undefined {
  return values.every((one) => typeof one !== 'object') ? new Set(values) : undefined;
}

/** A format that upstream does not know is no format; which it knows depends on the type. */
export function supportedFormat({ type, format }: JsonObject): string {
  if (typeof format !== 'string') return '';
  if (type === 'integer') return format === 'int32' || format === 'int64' ? format : '';
  if (type === 'number') return format === 'float' || format === 'double' ? format : '';
  const known = (type === undefined || type === '' || type === 'string') && formatCheck(format) !== undefined;
  return known ? format : '';
}

function typesOf(type: unknown): readonly NodeType[] {
  return typeof type === 'string' && TYPES.has(type) ? [type as NodeType] : []; // It is in the set of them.
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function strings(value: unknown): string[] {
  return list(value).filter((each) => typeof each === 'string');
}
