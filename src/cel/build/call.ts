import { type CallNode, SourceFault } from '../ast.ts';
import { fault, NO_OVERLOAD } from '../faults.ts';
import type { Meter, Step } from '../meter.ts';
import { qualifiedName } from '../parser.ts';
import { hasType, sizeOf } from '../runtime-type.ts';
import type { Overload } from '../signature.ts';
import { type Bindings, type CelType, isAssignable, join, substitute, TYPES, typeText } from '../types.ts';
import { buildFast } from './fast.ts';
import { type Built, noOverload, type Scope } from './scope.ts';

/** What the whole program is wrong with, by upstream's words, and no place of it. */
const NOWHERE = 'program instantiation failed';

/** How large a value of unknown size is taken to be: the largest request. */
const UNKNOWN_SIZE = 3_145_728;

/** A call of a function, method or operator. */
export function buildCall(node: CallNode, scope: Scope): Built {
  const { name, overloads, method } = resolve(node, scope);
  const nodes = method && node.receiver !== undefined ? [node.receiver, ...node.args] : node.args;
  const args = nodes.map((arg) => scope.build(arg));
  const types = args.map(({ type }) => type);
  const candidates = overloads.flatMap((overload) => matching(overload, types));
  if (candidates.length === 0) throw noOverload(node.at, name, types.map(typeText), method);
  const literalFault = checkLiterals(candidates, args);
  if (literalFault !== undefined)
    throw new SourceFault(
      literalFault.startsWith(NOWHERE) ? -1 : (nodes.at(-1)?.at ?? node.at),
      literalFault,
    );
  const run =
    buildFast(node.name, args) ??
    runner(
      candidates.map(({ overload }) => overload),
      args,
    );
  const built = { ...estimate(candidates, args), run };
  const [left] = types;
  // What two sets make is a set.
  if (node.name === '_+_' && left?.kind === 'list' && built.type.kind === 'list' && left.keys !== undefined)
    return { ...built, type: { ...built.type, keys: left.keys } };
  return built;
}

interface Resolved {
  readonly name: string;
  readonly overloads: readonly Overload[];
  readonly method: boolean;
}

/** @throws SourceFault when there is no function of that name */
function resolve(node: CallNode, scope: Scope): Resolved {
  const { functions } = scope.language;
  const { name, receiver } = node;
  if (receiver === undefined) {
    const overloads = functions.get(name);
    if (overloads === undefined) throw undeclared(node, name);
    return { name, overloads, method: false };
  }
  const path = qualifiedName(receiver);
  if (path !== undefined && scope.find(path.split('.')[0] ?? '') === undefined) {
    const overloads = functions.get(`${path}.${name}`);
    if (overloads !== undefined) return { name: `${path}.${name}`, overloads, method: false };
  }
  const overloads = functions.get(`.${name}`);
  if (overloads === undefined) {
    scope.build(receiver); // What is wrong with it is the better message.
    throw undeclared(node, name);
  }
  return { name, overloads, method: true };
}

function undeclared(node: CallNode, name: string): SourceFault {
  return new SourceFault(node.at, `undeclared reference to '${name}' (in container '')`);
}

interface Candidate {
  readonly overload: Overload;
  readonly result: CelType;
}

function matching(overload: Overload, types: readonly CelType[]): Candidate[] {
  if (overload.params.length !== types.length) return [];
  const bindings: Bindings = new Map();
  const fits = overload.params.every((param, i) => isAssignable(param, types[i] ?? TYPES.dyn, bindings));
  return fits ? [{ overload, result: substitute(overload.result, bindings) }] : [];
}

function estimate(candidates: readonly Candidate[], args: readonly Built[]): { type: CelType; cost: number } {
  const sizes = args.map(({ type }) => largest(type));
  const type = candidates.map(({ result }) => result).reduce(join);
  const own = Math.max(...candidates.map(({ overload }) => overload.cost?.(...sizes) ?? 1));
  const grown = candidates.map(({ overload }) => overload.size?.(...sizes));
  const size = grown.every((one) => one !== undefined) ? Math.max(...grown) : undefined;
  const cost = args.reduce((sum, arg) => sum + arg.cost, own);
  return { type: size === undefined || type.kind === 'object' ? type : { ...type, size }, cost };
}

/** The largest size of a value of the type; 1 for what has none. */
function largest(type: CelType): number {
  const sized = ['string', 'bytes', 'list', 'map', 'dyn'].includes(type.kind);
  return type.size ?? (sized ? UNKNOWN_SIZE : 1);
}

/** A call on nothing but literals whose only overload fails will always fail: a bad pattern, a bad timestamp. */
function checkLiterals(candidates: readonly Candidate[], args: readonly Built[]): string | undefined {
  const [only, second] = candidates;
  const check = only?.overload.check;
  if (check === undefined || second !== undefined) return undefined;
  return check(...args.map(({ literal }) => literal));
}

function runner(overloads: readonly Overload[], args: readonly Built[]): Step {
  const [only] = overloads;
  if (overloads.length === 1 && only !== undefined)
    return (meter) => invoke(only, evaluate(args, meter), meter);
  return (meter) => {
    const values = evaluate(args, meter);
    const found = overloads.find(({ params }) => params.every((param, i) => hasType(values[i], param)));
    if (found === undefined) throw fault(NO_OVERLOAD);
    return invoke(found, values, meter);
  };
}

function evaluate(args: readonly Built[], meter: Meter): unknown[] {
  const values: unknown[] = [];
  for (const { run } of args) values.push(run(meter));
  return values;
}

function invoke({ params, call, cost }: Overload, values: unknown[], meter: Meter): unknown {
  for (let i = 0; i < params.length; i++) {
    const param = params[i];
    if (param !== undefined && !hasType(values[i], param)) throw fault(NO_OVERLOAD);
  }
  meter.spend(cost === undefined ? 1 : Math.max(1, cost(...values.map(sizeOf))));
  // The signature says what the function takes, and that was just looked at.
  return (call as (...values: unknown[]) => unknown)(...values, meter);
}
