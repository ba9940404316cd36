import { type Node, SourceFault } from '../ast.ts';
import { fault, NO_OVERLOAD } from '../faults.ts';
import type { Step } from '../meter.ts';
import { type CelType, isAssignable, join, listOf, mapOf, optionalItem, TYPES, typeText } from '../types.ts';
import { CelMap, mapKey, Optional, Struct } from '../values.ts';
import type { Built, Scope } from './scope.ts';

/** Upstream's figures for making one. */
const LIST_COST = 10;
const MAP_COST = 30;
const STRUCT_COST = 40;

/** A value written into a list, map or message, and whether it is left out when its optional is empty. */
interface Part {
  readonly built: Built;
  readonly optional: boolean;
  readonly at: number;
}

/** The type of all parts together. @throws SourceFault when they are of several, as Kubernetes' CEL has it */
function commonType(parts: readonly Part[], mixed = false): CelType {
  let common: CelType | undefined;
  for (const { built, optional, at } of parts) {
    const type = optional ? optionalType(built.type, at) : built.type;
    if (!mixed && common !== undefined && !isAssignable(common, type) && !isAssignable(type, common))
      throw new SourceFault(at, `expected type '${typeText(common)}' but found '${typeText(type)}'`);
    common = common === undefined ? type : join(common, type);
  }
  return common ?? TYPES.dyn;
}

function optionalType(type: CelType, at: number): CelType {
  if (type.kind === 'dyn') return type;
  const item = optionalItem(type);
  if (item === undefined)
    throw new SourceFault(
      at,
      `expected type 'optional_type(${typeText(type)})' but found '${typeText(type)}'`,
    );
  return item;
}

function part(scope: Scope, value: Node, optional: boolean): Part {
  return { built: scope.build(value), optional, at: value.at };
}

function costOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { built }) => sum + built.cost, 0);
}

/** What the part gives; undefined: it is to be left out. */
function runPart({ built, optional }: Part): Step {
  if (!optional) return built.run;
  return (meter) => {
    const value = built.run(meter);
    if (!(value instanceof Optional)) throw fault(NO_OVERLOAD);
    return value.value;
  };
}

export function buildList(node: Extract<Node, { op: 'list' }>, scope: Scope): Built {
  const parts = node.items.map(({ value, optional }) => part(scope, value, optional));
  const steps = parts.map(runPart);
  const run: Step = (meter) => {
    meter.spend(LIST_COST);
    const items: unknown[] = [];
    for (const step of steps) {
      const value = step(meter);
      if (value !== undefined) items.push(value);
    }
    return items;
  };
  return { type: listOf(commonType(parts, node.mixed), parts.length), run, cost: LIST_COST + costOf(parts) };
}

export function buildMap(node: Extract<Node, { op: 'map' }>, scope: Scope): Built {
  const keys = node.entries.map(({ key }) => part(scope, key, false));
  const values = node.entries.map(({ value, optional }) => part(scope, value, optional));
  const steps = keys.map((key, i) => {
    const value = values[i];
    return [key.built.run, value === undefined ? key.built.run : runPart(value)] as const;
  });
  const run: Step = (meter) => {
    meter.spend(MAP_COST);
    const made = new CelMap();
    for (const [keyStep, valueStep] of steps) {
      const key = keyStep(meter);
      const value = valueStep(meter);
      const held = mapKey(key);
      if (held === undefined) throw fault('unsupported key type');
      if (made.entries.has(held)) throw fault(`Failed with repeated key: ${String(held)}`);
      if (value !== undefined) made.entries.set(held, [key, value]);
    }
    return made;
  };
  const type = mapOf(commonType(keys), commonType(values), node.entries.length);
  return { type, run, cost: MAP_COST + costOf(keys) + costOf(values) };
}

/** `Object.spec{replicas: 1}`. @throws SourceFault for a message or field there is none of */
export function buildStruct(node: Extract<Node, { op: 'struct' }>, scope: Scope): Built {
  const { name } = node;
  const type = scope.language.structs(name);
  if (type?.kind !== 'object')
    throw new SourceFault(node.at, `undeclared reference to '${name}' (in container '')`);
  const parts = node.fields.map((field) => {
    const found = type.field(field.name);
    const built = part(scope, field.value, field.optional);
    if (found === undefined) throw new SourceFault(field.value.at, `undefined field '${field.name}'`);
    const given = field.optional ? optionalType(built.built.type, built.at) : built.built.type;
    if (!isAssignable(found.type, given))
      throw new SourceFault(
        built.at,
        `expected type of field '${field.name}' is '${typeText(found.type)}' but provided type is '${typeText(given)}'`,
      );
    return { member: found.member, part: built, run: runPart(built) };
  });
  const run: Step = (meter) => {
    meter.spend(STRUCT_COST);
    const fields = new Map<string, unknown>();
    for (const { member, run: step } of parts) {
      const value = step(meter);
      if (value !== undefined) fields.set(member, value);
    }
    return new Struct(name, fields);
  };
  return { type, run, cost: STRUCT_COST + costOf(parts.map((field) => field.part)) };
}
