import { adapterOf } from '../adapt.ts';
import { type Node, SourceFault } from '../ast.ts';
import { fault, NO_OVERLOAD } from '../faults.ts';
import type { Meter, Step } from '../meter.ts';
import { qualifiedName } from '../parser.ts';
import { type CelType, isAssignable, optionalItem, optionalOf, TYPES, typeText } from '../types.ts';
import {
  CelMap,
  Double,
  isPlainObject,
  LazyObject,
  mapGet,
  mapKey,
  NONE,
  Optional,
  Struct,
  TypeValue,
  Uint,
} from '../values.ts';
import { type Built, noOverload, type Scope } from './scope.ts';

type SelectNode = Extract<Node, { op: 'select' }>;

/** `a.b`, `a.?b`, has(a.b). */
export function buildSelect(node: SelectNode, scope: Scope): Built {
  const denoted = typeDenoted(node, scope) ?? dottedVariable(node, scope);
  if (denoted !== undefined) return denoted;
  const operand = scope.build(node.operand);
  const inner = optionalItem(operand.type);
  const { member, type } = fieldOf(inner ?? operand.type, node);
  const adapt = adapterOf(type);
  const isNullAbsent = hasSchema(inner ?? operand.type);
  const read = (value: unknown): unknown => {
    const raw = memberOf(value, member);
    return raw === null && isNullAbsent ? undefined : raw;
  };
  const found = (meter: Meter): unknown => {
    const value = operand.run(meter);
    meter.spend(1);
    if (!(value instanceof Optional)) return read(value);
    return value.value === undefined ? undefined : read(value.value);
  };
  const cost = operand.cost + 1;
  // As upstream has it, looking whether something is there costs nothing more.
  if (node.test) return { type: TYPES.bool, run: (meter) => found(meter) !== undefined, cost: operand.cost };
  if (node.optional || inner !== undefined) {
    const run: Step = (meter) => {
      const value = found(meter);
      if (value === undefined) return NONE;
      return new Optional(adapt === undefined ? value : adapt(value));
    };
    return { type: optionalItem(type) === undefined ? optionalOf(type) : type, run, cost };
  }
  const dynamic = operand.type.kind === 'dyn';
  const run: Step = (meter) => {
    const value = operand.run(meter);
    meter.spend(1);
    if (dynamic && value instanceof Optional) return optionalMember(value, member);
    const raw = read(value);
    if (raw === undefined) throw fault(`no such key: ${member}`);
    return adapt === undefined ? raw : adapt(raw);
  };
  return { type, run, cost };
}

/** A field of a schema that is null counts as absent; a member of a map does not. */
function hasSchema(type: CelType): boolean {
  return type.kind === 'object' && type.memberType !== undefined;
}

function optionalMember(of: Optional, member: string): Optional {
  const value = of.value === undefined ? undefined : memberOf(of.value, member);
  return value === undefined ? NONE : new Optional(value);
}

/** Undefined: there is none. @throws CelFault for what has no members */
function memberOf(value: unknown, member: string): unknown {
  if (value instanceof CelMap) return mapGet(value, member);
  if (value instanceof LazyObject) return value.member(member);
  if (value instanceof Struct) return value.fields.get(member);
  if (!isPlainObject(value)) throw fault(NO_OVERLOAD);
  return Object.hasOwn(value, member) ? value[member] : undefined;
}

function fieldOf(type: CelType, node: SelectNode): { readonly member: string; readonly type: CelType } {
  const { field } = node;
  if (type.kind === 'dyn') return { member: field, type: TYPES.dyn };
  if (type.kind === 'map') return { member: field, type: type.value };
  if (type.kind !== 'object')
    throw new SourceFault(node.at, `type '${typeText(type)}' does not support field selection`);
  const found = type.field(field);
  if (found === undefined) throw new SourceFault(node.at, `undefined field '${field}'`);
  return found;
}

const TYPE_NAMES: ReadonlySet<string> = new Set([
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'net.IP',
  'net.CIDR',
  'kubernetes.Quantity',
  'kubernetes.URL',
  'kubernetes.Semver',
]);

/** `google.protobuf.Timestamp` and its like, which name a type. */
function typeDenoted(node: SelectNode, scope: Scope): Built | undefined {
  const name = node.test ? undefined : qualifiedName(node);
  if (name === undefined || !TYPE_NAMES.has(name) || scope.find(name.split('.')[0] ?? '') !== undefined)
    return undefined;
  const value = new TypeValue(name);
  return { type: TYPES.type, run: () => value, cost: 1 };
}

/** A variable whose name has a dot, as `authorizer.requestResource` is one. */
function dottedVariable(node: SelectNode, scope: Scope): Built | undefined {
  const name = node.test ? undefined : qualifiedName(node);
  const variable = name === undefined ? undefined : scope.find(name);
  if (variable === undefined) return undefined;
  const { slot, type } = variable;
  return { type, run: (meter) => meter.slots[slot], cost: 1 };
}

/** `a[i]`, `a[?i]`. */
export function buildIndex(node: Extract<Node, { op: 'index' }>, scope: Scope): Built {
  const operand = scope.build(node.operand);
  const index = scope.build(node.index);
  const inner = optionalItem(operand.type);
  const type = itemType(inner ?? operand.type, index.type);
  if (type === undefined)
    throw noOverload(node.at, node.optional ? '_[?_]' : '_[_]', [
      typeText(operand.type),
      typeText(index.type),
    ]);
  const adapt = adapterOf(type);
  const asOptional = node.optional || inner !== undefined;
  const run: Step = (meter) => {
    const value = operand.run(meter);
    const at = index.run(meter);
    meter.spend(1);
    if (value instanceof Optional && value.value === undefined) return NONE;
    const raw = itemAt(value instanceof Optional ? value.value : value, at);
    if (raw === undefined) {
      if (asOptional || value instanceof Optional) return NONE;
      throw missing(value, at);
    }
    const adapted = adapt === undefined ? raw : adapt(raw);
    return asOptional || value instanceof Optional ? new Optional(adapted) : adapted;
  };
  return {
    type: asOptional && optionalItem(type) === undefined ? optionalOf(type) : type,
    run,
    cost: operand.cost + index.cost + 1,
  };
}

function itemType(type: CelType, index: CelType): CelType | undefined {
  if (type.kind === 'dyn') return TYPES.dyn;
  if (type.kind === 'list') return isAssignable(TYPES.int, index) ? type.item : undefined;
  if (type.kind === 'map') return isAssignable(type.key, index) ? type.value : undefined;
  return undefined;
}

/** Undefined: there is none. @throws CelFault for what has no items */
function itemAt(value: unknown, at: unknown): unknown {
  if (Array.isArray(value)) {
    const index = at instanceof Double ? at.value : at instanceof Uint ? Number(at.value) : at;
    if (typeof index === 'bigint') return undefined;
    if (typeof index !== 'number' || !Number.isInteger(index)) throw fault(`unsupported index type in list`);
    return index < 0 ? undefined : value[index];
  }
  if (value instanceof LazyObject && typeof at === 'string') return value.member(at);
  if (value instanceof CelMap || isPlainObject(value)) {
    if (mapKey(at) === undefined) throw fault(NO_OVERLOAD);
    return mapGet(value, at);
  }
  throw fault(NO_OVERLOAD);
}

function missing(value: unknown, at: unknown): unknown {
  const shown = at instanceof Uint || at instanceof Double ? at.value : at;
  return fault(Array.isArray(value) ? `index out of bounds: ${shown}` : `no such key: ${shown}`);
}
