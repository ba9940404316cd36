import { adapterOf } from '../adapt.ts';
import { type FoldMacro, type FoldNode, SourceFault } from '../ast.ts';
import { absorbed, fault, NO_OVERLOAD } from '../faults.ts';
import type { Meter, Step } from '../meter.ts';
import { sortValues } from '../sort.ts';
import { type CelType, isAssignable, listOf, mapOf, TYPES, typeText } from '../types.ts';
import { CelMap, isMap, mapGet, mapKey, mapKeys } from '../values.ts';
import { type Built, noOverload, type Scope } from './scope.ts';

/** What a turn of a loop costs besides its body, and what a new item of a result does: upstream's figures. */
const TURN_COST = 3;
const ITEM_COST = 11;
/** The same, as upstream estimates it before anything runs. */
const ESTIMATED_TURN: Readonly<Record<FoldMacro, number>> = {
  all: 3,
  exists: 4,
  exists_one: 3,
  map: 12,
  filter: 13,
  sortBy: 12,
  transformMap: 12,
  transformMapEntry: 12,
};
/** How often an unbounded list is taken to be walked: the largest request, with the smallest items. */
const UNKNOWN_SIZE = 1_000_000;

/** Whose body gives a value, and not whether something holds. */
const YIELDS: ReadonlySet<FoldMacro> = new Set(['map', 'transformMap', 'transformMapEntry', 'sortBy']);

/** What a turn decided: go on, or the loop is over. */
type Turn = (meter: Meter) => boolean;

interface Loop {
  readonly node: FoldNode;
  readonly range: Built;
  readonly body: Built;
  readonly filter: Built | undefined;
  readonly slots: readonly number[];
  /** Of the variable that comes last: the item, or a map's value. */
  readonly adapt: ((raw: unknown) => unknown) | undefined;
}

/** The macros that walk a list or a map. */
export function buildFold(node: FoldNode, scope: Scope): Built {
  const range = scope.build(node.range);
  const types = variableTypes(node, range.type);
  const [first = '', second] = node.names;
  const declared = second === undefined ? { [first]: types[0] } : { [first]: types[0], [second]: types[1] };
  const { scope: inside, slots } = scope.with(declared);
  const filter = node.filter === undefined ? undefined : inside.build(node.filter);
  const body = inside.build(node.body);
  const predicates = YIELDS.has(node.macro) ? [filter] : [filter, body];
  for (const predicate of predicates)
    if (predicate !== undefined && !isAssignable(TYPES.bool, predicate.type))
      throw noOverload(node.at, '_?_:_', [typeText(predicate.type)]);
  const adapt = adapterOf(types[node.names.length - 1] ?? TYPES.dyn);
  const loop: Loop = { node, range, body, filter, slots, adapt };
  const size = range.type.size ?? UNKNOWN_SIZE;
  const turn = ESTIMATED_TURN[node.macro] + body.cost + (filter?.cost ?? 0);
  return { type: resultType(loop, types), run: runner(loop), cost: range.cost + size * turn };
}

/** Of the one or two variables. @throws SourceFault for what cannot be walked */
function variableTypes(node: FoldNode, range: CelType): [CelType, CelType] {
  const two = node.names.length === 2;
  if (range.kind === 'dyn') return [TYPES.dyn, TYPES.dyn];
  if (range.kind === 'list') return two ? [TYPES.int, range.item] : [range.item, TYPES.dyn];
  if (range.kind === 'map') return [range.key, range.value];
  throw new SourceFault(
    node.at,
    `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
  );
}

function resultType({ node, range, body }: Loop, [first]: readonly [CelType, CelType]): CelType {
  switch (node.macro) {
    case 'map':
      return listOf(body.type, range.type.size);
    case 'filter':
    case 'sortBy':
      return listOf(first, range.type.size);
    case 'transformMap':
      return mapOf(range.type.kind === 'list' ? TYPES.int : first, body.type, range.type.size);
    case 'transformMapEntry':
      return body.type.kind === 'map' ? mapOf(body.type.key, body.type.value) : TYPES.dyn;
    default:
      return TYPES.bool;
  }
}

function runner(loop: Loop): Step {
  switch (loop.node.macro) {
    case 'all':
      return quantifier(loop, false);
    case 'exists':
      return quantifier(loop, true);
    case 'exists_one':
      return (meter) => {
        let count = 0;
        walk(loop, meter, () => {
          if (isTrue(loop.body.run(meter))) count++;
          return true;
        });
        return count === 1;
      };
    case 'sortBy':
      return (meter) => sortedBy(loop, meter);
    case 'filter':
    case 'map':
      return (meter) => {
        const items: unknown[] = [];
        walk(loop, meter, lister(loop, items));
        return items;
      };
    default:
      return (meter) => {
        const made = new CelMap();
        walk(loop, meter, mapper(loop, made));
        return made;
      };
  }
}

/** `all` and `exists`: an error counts only when no item decides. */
function quantifier(loop: Loop, decides: boolean): Step {
  const { body } = loop;
  return (meter) => {
    let error: unknown;
    let decided = false;
    walk(loop, meter, () => {
      try {
        const value = body.run(meter);
        if (value === decides) decided = true;
        else if (typeof value !== 'boolean') error ??= fault(NO_OVERLOAD);
      } catch (thrown) {
        const caught = absorbed(thrown, meter);
        error ??= caught;
      }
      return !decided;
    });
    if (decided) return decides;
    if (error !== undefined) throw error;
    return !decides;
  };
}

function lister({ node, body, filter, slots: [slot = 0] }: Loop, items: unknown[]): Turn {
  const filters = node.macro === 'filter';
  return (meter) => {
    if (filter !== undefined && !isTrue(filter.run(meter))) return true;
    const value = body.run(meter);
    if (filters && !isTrue(value)) return true;
    meter.spend(ITEM_COST);
    items.push(filters ? meter.slots[slot] : value);
    return true;
  };
}

function mapper({ node, body, filter, slots: [slot = 0] }: Loop, made: CelMap): Turn {
  const insert = (key: unknown, value: unknown): void => {
    const held = mapKey(key);
    if (held === undefined) throw fault('unsupported key type');
    if (node.macro === 'transformMapEntry' && made.entries.has(held))
      throw fault(`insert failed: key ${String(held)} already exists`);
    made.entries.set(held, [key, value]);
  };
  return (meter) => {
    if (filter !== undefined && !isTrue(filter.run(meter))) return true;
    const value = body.run(meter);
    meter.spend(ITEM_COST);
    if (node.macro === 'transformMap') insert(meter.slots[slot], value);
    else if (isMap(value)) for (const key of mapKeys(value)) insert(key, mapGet(value, key));
    else throw fault(NO_OVERLOAD);
    return true;
  };
}

/** The items in the order of what the body gives for each. */
function sortedBy(loop: Loop, meter: Meter): unknown[] {
  const [slot = 0] = loop.slots;
  const pairs: { readonly key: unknown; readonly item: unknown }[] = [];
  walk(loop, meter, () => {
    pairs.push({ key: loop.body.run(meter), item: meter.slots[slot] });
    return true;
  });
  return sortValues(pairs, ({ key }) => key, meter).map(({ item }) => item);
}

function isTrue(value: unknown): boolean {
  if (typeof value !== 'boolean') throw fault(NO_OVERLOAD);
  return value;
}

/** Sets the variables of each turn, until one says it is over. */
function walk({ range, slots, adapt }: Loop, meter: Meter, turn: Turn): void {
  const value = range.run(meter);
  const [first = 0, second] = slots;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      meter.spend(TURN_COST);
      const item = adapt === undefined ? value[i] : adapt(value[i]);
      if (second === undefined) meter.slots[first] = item;
      else {
        meter.slots[first] = i;
        meter.slots[second] = item;
      }
      if (!turn(meter)) return;
    }
    return;
  }
  if (!isMap(value)) throw fault(NO_OVERLOAD);
  const keys = mapKeys(value);
  meter.spend(keys.length * 0.2);
  for (const key of keys) {
    meter.spend(TURN_COST);
    meter.slots[first] = key;
    if (second !== undefined) {
      const item = mapGet(value, key);
      meter.slots[second] = adapt === undefined ? item : adapt(item);
    }
    if (!turn(meter)) return;
  }
}
