import type { Node } from '../../api/custom/node.ts';
import { EMBEDDED, NAMES, toObjectSchema, toSchema } from '../../api/custom/to-schema.ts';
import type { Schema } from '../../api/schema.ts';
import { schemaType } from '../../cel/schema-type.ts';
import { type CompiledRule, compileRule, type RuleFault } from './compile-rule.ts';

/** The rules of a schema, compiled, where they stand; nothing for places without any. */
export interface RuleTree {
  readonly node: Node;
  /** In the order of the CRD; one that does not compile as what is wrong with it. */
  readonly rules: readonly (CompiledRule | RuleFault)[];
  readonly fields: ReadonlyMap<string, RuleTree>;
  readonly values: RuleTree | undefined;
  readonly items: RuleTree | undefined;
  /** Whether a rule here or below looks at how it was. */
  readonly transitions: boolean;
}

/** @param isResource the node is the root of an object: rules may read its type and name */
export function compileRules(node: Node, isResource: boolean): RuleTree | undefined {
  if (!node.has.rules) return undefined;
  const fields = new Map<string, RuleTree>();
  for (const [name, field] of node.fields) {
    const tree = compileRules(field, field.embedded);
    if (tree !== undefined) fields.set(name, tree);
  }
  const below = (one: Node | boolean | undefined) =>
    typeof one === 'object' ? compileRules(one, one.embedded) : undefined;
  const self = node.rules.length === 0 ? undefined : schemaType(schemaOf(node, isResource));
  const rules = self === undefined ? [] : node.rules.map((rule) => compileRule(rule, node, self));
  const values = below(node.values);
  const items = below(node.items);
  const trees = [...fields.values(), values, items];
  const transitions =
    rules.some((rule) => 'program' in rule && rule.usesOldSelf) || trees.some((tree) => tree?.transitions);
  return { node, rules, fields, values, items, transitions };
}

function schemaOf(node: Node, isResource: boolean): Schema {
  if (!isResource) return toSchema(node);
  const own = toObjectSchema(node);
  return { ...own, fields: { ...own.fields, ...EMBEDDED, metadata: { schema: NAMES } } };
}
