import type { ErrorDetail } from '../../lib/errors.ts';
import { equalJson, isJsonObject } from '../json.ts';
import type { Schema } from '../schema.ts';
import { embeddedFaults } from './embedded.ts';
import { invalid, NO_FIELD } from './faults.ts';
import type { Node } from './node.ts';
import { prune } from './prune.ts';
import { validateNode } from './validate.ts';

/** Checks a value against the rules of a node and below; for who can evaluate them. */
export type CheckRules = (node: Node, value: unknown, path: string) => readonly ErrorDetail[];

/** Defaults that the schema itself would refuse, or would drop a part of, in upstream's words. */
export function defaultFaults(
  node: Node,
  path: string,
  with_: { readonly meta: Schema; readonly checkRules?: CheckRules },
): ErrorDetail[] {
  if (!node.has.defaults) return [];
  const faults = node.default === undefined ? [] : ownFaults(node, `${path}.default`, with_);
  if (node.items !== undefined) faults.push(...defaultFaults(node.items, `${path}.items`, with_));
  for (const [key, field] of node.fields)
    faults.push(...defaultFaults(field, `${path}.properties[${key}]`, with_));
  return faults;
}

function ownFaults(
  node: Node,
  path: string,
  { meta, checkRules }: Parameters<typeof defaultFaults>[2],
): ErrorDetail[] {
  const value = node.default;
  const pruned = prunedDefault(node, value, meta);
  if (!equalJson(pruned, value)) return [invalid(path, value, 'must not have unknown fields')];
  const faults = [...embeddedFaults(node, value), ...validateNode(node, value)].map((fault) => ({
    ...fault,
    field: fault.field === NO_FIELD ? path : `${path}.${fault.field}`,
  }));
  return faults.length > 0 ? faults : [...(checkRules?.(node, value, path) ?? [])];
}

/** The value below a root of its own, since only the members of an object are pruned. */
function prunedDefault(node: Node, value: unknown, meta: Schema): unknown {
  const root = { ...node, fields: new Map([['value', node]]), values: undefined, preserves: false };
  const { value: kept } = prune(root, { value }, meta);
  return isJsonObject(kept) ? kept.value : undefined;
}
