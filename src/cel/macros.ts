import { type CallNode, type FoldMacro, type Node, SourceFault } from './ast.ts';

/** Macros over a list or map by name and number of arguments, with what each walks as. */
const FOLDS: Readonly<Record<string, FoldShape>> = {
  'all/2': { macro: 'all', names: 1 },
  'exists/2': { macro: 'exists', names: 1 },
  'exists_one/2': { macro: 'exists_one', names: 1 },
  'existsOne/2': { macro: 'exists_one', names: 1 },
  'map/2': { macro: 'map', names: 1 },
  'map/3': { macro: 'map', names: 1, filter: true },
  'filter/2': { macro: 'filter', names: 1 },
  'sortBy/2': { macro: 'sortBy', names: 1 },
  'all/3': { macro: 'all', names: 2 },
  'exists/3': { macro: 'exists', names: 2 },
  'exists_one/3': { macro: 'exists_one', names: 2 },
  'existsOne/3': { macro: 'exists_one', names: 2 },
  'transformList/3': { macro: 'map', names: 2 },
  'transformList/4': { macro: 'map', names: 2, filter: true },
  'transformMap/3': { macro: 'transformMap', names: 2 },
  'transformMap/4': { macro: 'transformMap', names: 2, filter: true },
  'transformMapEntry/3': { macro: 'transformMapEntry', names: 2 },
  'transformMapEntry/4': { macro: 'transformMapEntry', names: 2, filter: true },
};

interface FoldShape {
  readonly macro: FoldMacro;
  readonly names: 1 | 2;
  readonly filter?: boolean;
}

/**
 * The call itself, or what it stands for when it is a macro.
 * @throws SourceFault when a macro's argument is not the name it has to be
 */
export function expandMacro(call: CallNode): Node {
  const { name, args, receiver, at } = call;
  if (receiver === undefined) return name === 'has' && args.length === 1 ? has(call) : call;
  if (name === 'format') return { ...call, args: args.map(mixed) };
  const key = `${name}/${args.length}`;
  const shape = Object.hasOwn(FOLDS, key) ? FOLDS[key] : undefined;
  if (shape !== undefined) return fold(call, receiver, shape);
  const [first, second, third] = args;
  if (first === undefined || second === undefined) return call;
  if ((name === 'optMap' || name === 'optFlatMap') && args.length === 2) {
    const variable = variableName(first, name);
    return {
      op: 'opt-map',
      at,
      operand: receiver,
      name: variable,
      body: second,
      flat: name === 'optFlatMap',
    };
  }
  const isBind = name === 'bind' && receiver.op === 'ident' && receiver.name === 'cel' && args.length === 3;
  if (!isBind || third === undefined) return call;
  return { op: 'bind', at, name: variableName(first, 'cel.bind'), value: second, body: third };
}

/** A list whose items, and theirs, may be of several types. */
function mixed(node: Node): Node {
  if (node.op !== 'list') return node;
  return { ...node, mixed: true, items: node.items.map((item) => ({ ...item, value: mixed(item.value) })) };
}

function has({ args: [argument], at }: CallNode): Node {
  if (argument?.op !== 'select') throw new SourceFault(argument?.at ?? at, 'invalid argument to has() macro');
  return { ...argument, at, test: true };
}

function fold(call: CallNode, range: Node, { macro, names: count, filter }: FoldShape): Node {
  const names = call.args.slice(0, count).map((arg) => variableName(arg, call.name));
  if (names[0] === names[1]) throw new SourceFault(call.at, `duplicate variable name: ${names[0]}`);
  const rest = call.args.slice(count);
  const [first, second] = rest;
  const body = filter === true ? second : first;
  if (body === undefined || first === undefined) return call;
  const node = { op: 'fold', at: call.at, macro, range, names, body } as const;
  return filter === true ? { ...node, filter: first } : node;
}

function variableName(node: Node, macro: string): string {
  if (node.op === 'ident') return node.name;
  throw new SourceFault(
    node.at,
    macro === 'cel.bind'
      ? 'cel.bind() variable names must be simple identifiers'
      : 'argument must be a simple name',
  );
}
