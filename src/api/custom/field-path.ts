import type { Node } from './node.ts';

export interface FoundField {
  /** Names of members, outermost first. */
  readonly names: readonly string[];
  readonly node: Node;
}

/**
 * Follows `.spec.size` or `['spec'].x` through a schema: what a rule's `fieldPath` and a CRD's `selectableFields` may be.
 * @returns why it leads nowhere, in upstream's words, or where it leads
 */
export function followFieldPath(
  text: string,
  root: Node,
  { brackets }: { readonly brackets: boolean },
): FoundField | string {
  const tokens = text.match(/'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]']+|'/g) ?? [];
  const names: string[] = [];
  let node: Node = root;
  let at = 0;
  while (at < tokens.length) {
    const token = tokens[at];
    if (token !== '.' && token !== '[') return `expected [ or . but got: ${token}`;
    if (token === '[' && !brackets) return 'array notation is not allowed';
    const next = tokens[at + 1];
    if (next === undefined) return 'unexpected end of JSON path';
    const name = token === '.' ? next : unquoted(next);
    if (name === undefined) return `expected single quoted string but got ${next}`;
    const found = memberNode(node, name);
    if (found === undefined) return 'does not refer to a valid field';
    if (token === '[' && tokens[at + 2] === undefined) return 'unexpected end of JSON path';
    if (token === '[' && tokens[at + 2] !== ']') return `expected ] but got ${tokens[at + 2]}`;
    at += token === '[' ? 3 : 2;
    names.push(name);
    node = found;
  }
  return { names, node };
}

/** A path of names as field errors write it: `.spec.size`, `['a.b']`. */
export function formatFieldPath(names: readonly string[], root: Node): string {
  let node: Node | undefined = root;
  let path = '';
  for (const name of names) {
    const known: Node | undefined = node?.fields.get(name);
    path += known === undefined ? `[${name}]` : `${path === '' ? '' : '.'}${name}`;
    node = node === undefined ? undefined : memberNode(node, name);
  }
  return path;
}

function memberNode(node: Node, name: string): Node | undefined {
  if (node.fields.size > 0) return node.fields.get(name);
  return typeof node.values === 'object' ? node.values : undefined;
}

function unquoted(token: string): string | undefined {
  if (token.length < 2 || !token.startsWith("'") || !token.endsWith("'")) return undefined;
  return token.slice(1, -1).replace(/\\(.)/g, '$1');
}
