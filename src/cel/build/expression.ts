import { type Node, SourceFault } from '../ast.ts';
import { absorbed, fault, NO_OVERLOAD } from '../faults.ts';
import type { Step } from '../meter.ts';
import { type CelType, isAssignable, join, optionalItem, optionalOf, TYPES, typeText } from '../types.ts';
import { NONE, Optional, TypeValue } from '../values.ts';
import { buildIndex, buildSelect } from './access.ts';
import { buildCall } from './call.ts';
import { buildFold } from './fold.ts';
import { buildList, buildMap, buildStruct } from './literals.ts';
import { type Built, noOverload, type Scope } from './scope.ts';

/**
 * Checks a part of an expression and compiles it into closures.
 * @throws SourceFault for what is unknown or of the wrong type
 */
export function build(node: Node, scope: Scope): Built {
  switch (node.op) {
    case 'literal': {
      const { value } = node;
      const size = typeof value === 'string' || value instanceof Uint8Array ? { size: value.length } : {};
      return { type: { ...TYPES[node.type], ...size }, run: () => value, cost: 0, literal: value };
    }
    case 'ident':
      return buildIdent(node, scope);
    case 'select':
      return buildSelect(node, scope);
    case 'index':
      return buildIndex(node, scope);
    case 'call':
      return buildCall(node, scope);
    case 'list':
      return buildList(node, scope);
    case 'map':
      return buildMap(node, scope);
    case 'struct':
      return buildStruct(node, scope);
    case 'and':
    case 'or':
      return buildLogic(node, scope);
    case 'ternary':
      return buildTernary(node, scope);
    case 'fold':
      return buildFold(node, scope);
    case 'bind':
      return buildBind(node, scope);
    case 'opt-map':
      return buildOptMap(node, scope);
  }
}

const TYPE_NAMES: ReadonlySet<string> = new Set(
  'int uint double bool string bytes list map null_type type dyn optional_type'.split(' '),
);

function buildIdent({ name, at }: Extract<Node, { op: 'ident' }>, scope: Scope): Built {
  const variable = scope.find(name);
  if (variable === undefined) {
    if (!TYPE_NAMES.has(name))
      throw new SourceFault(at, `undeclared reference to '${name}' (in container '')`);
    const value = new TypeValue(name);
    return { type: TYPES.type, run: () => value, cost: 1 };
  }
  const { slot, type } = variable;
  const run: Step = (meter) => {
    meter.spend(1);
    return meter.slots[slot];
  };
  return { type, run, cost: 1 };
}

/** `&&` and `||` absorb the errors of terms that do not decide. */
function buildLogic(node: Extract<Node, { op: 'and' | 'or' }>, scope: Scope): Built {
  const terms = node.terms.map((term) => scope.build(term));
  const types = terms.map(({ type }) => type);
  const sign = node.op === 'and' ? '_&&_' : '_||_';
  if (!types.every((type) => isAssignable(TYPES.bool, type)))
    throw noOverload(node.at, sign, types.slice(0, 2).map(typeText));
  const decides = node.op === 'or';
  const steps = terms.map(({ run }) => run);
  const run: Step = (meter) => {
    let error: unknown;
    for (const step of steps) {
      try {
        const value = step(meter);
        if (value === decides) return decides;
        if (typeof value !== 'boolean') error ??= fault(NO_OVERLOAD);
      } catch (thrown) {
        const caught = absorbed(thrown, meter);
        error ??= caught;
      }
    }
    if (error !== undefined) throw error;
    return !decides;
  };
  return { type: TYPES.bool, run, cost: terms.reduce((sum, { cost }) => sum + cost, 0) };
}

function buildTernary(node: Extract<Node, { op: 'ternary' }>, scope: Scope): Built {
  const [test, yes, no] = [scope.build(node.test), scope.build(node.yes), scope.build(node.no)];
  if (
    !isAssignable(TYPES.bool, test.type) ||
    !(isAssignable(yes.type, no.type) || isAssignable(no.type, yes.type))
  )
    throw noOverload(
      node.at,
      '_?_:_',
      [test, yes, no].map(({ type }) => typeText(type)),
    );
  const run: Step = (meter) => {
    const value = test.run(meter);
    if (typeof value !== 'boolean') throw fault(NO_OVERLOAD);
    return value ? yes.run(meter) : no.run(meter);
  };
  return { type: join(yes.type, no.type), run, cost: test.cost + Math.max(yes.cost, no.cost) };
}

function buildBind(node: Extract<Node, { op: 'bind' }>, scope: Scope): Built {
  const value = scope.build(node.value);
  const { scope: inside, slots } = scope.with({ [node.name]: value.type });
  const [slot = 0] = slots;
  const body = inside.build(node.body);
  const run: Step = (meter) => {
    meter.slots[slot] = value.run(meter);
    return body.run(meter);
  };
  return { type: body.type, run, cost: value.cost + body.cost };
}

function buildOptMap(node: Extract<Node, { op: 'opt-map' }>, scope: Scope): Built {
  const operand = scope.build(node.operand);
  const item = operand.type.kind === 'dyn' ? TYPES.dyn : optionalItem(operand.type);
  const name = node.flat ? 'optFlatMap' : 'optMap';
  if (item === undefined) throw noOverload(node.at, name, [typeText(operand.type)]);
  const { scope: inside, slots } = scope.with({ [node.name]: item });
  const [slot = 0] = slots;
  const body = inside.build(node.body);
  if (node.flat && body.type.kind !== 'dyn' && optionalItem(body.type) === undefined)
    throw noOverload(node.at, name, [typeText(operand.type), typeText(body.type)]);
  const run: Step = (meter) => {
    const value = operand.run(meter);
    if (!(value instanceof Optional)) throw fault(NO_OVERLOAD);
    if (value.value === undefined) return NONE;
    meter.slots[slot] = value.value;
    const result = body.run(meter);
    return node.flat ? result : new Optional(result);
  };
  const type: CelType = node.flat ? body.type : optionalOf(body.type);
  return { type, run, cost: operand.cost + body.cost };
}
