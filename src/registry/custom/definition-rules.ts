import { forbidden, invalid } from '../../api/custom/faults.ts';
import type { Node, Rule } from '../../api/custom/node.ts';
import { costFault, type Program } from '../../cel/cel.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { CompiledRule } from './compile-rule.ts';
import { compileRules, type RuleTree } from './rule-tree.ts';

/** What an unbounded list or map is taken to fill at most, in bytes: a request. */
const REQUEST_BYTES = 3_145_728;

/** Rules of a schema without other faults that do not compile, may cost too much, or speak of what cannot be known. */
export function ruleTreeFaults(root: Node, path: string): ErrorDetail[] {
  const tree = compileRules(root, true);
  if (tree === undefined) return [];
  const found: Found = { faults: [], costs: [] };
  visit(tree, { path, times: 1, uncorrelated: undefined }, found);
  const total = found.costs.reduce((sum, { cost }) => sum + cost, 0);
  if (total <= LIMITS.celCrdCost) return found.faults;
  const most = found.costs.sort((a, b) => b.cost - a.cost).slice(0, 4);
  const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
  return [
    ...found.faults,
    ...most.map(({ field }) =>
      forbidden(
        field,
        'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
      ),
    ),
    forbidden(path, `${what} exceeds budget by factor of ${factor(total / LIMITS.celCrdCost)} (${ADVICE})`),
  ];
}

const ADVICE =
  'try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared';

function factor(times: number): string {
  if (times > 100) return 'more than 100x';
  return `${times < 1.5 ? times.toFixed(6) : times.toFixed(1)}x`;
}

interface Found {
  readonly faults: ErrorDetail[];
  readonly costs: { readonly field: string; readonly cost: number }[];
}

interface At {
  readonly path: string;
  /** How often the place can stand in one object; undefined: nothing bounds it but the size of a request. */
  readonly times: number | undefined;
  /** The closest list around it whose items cannot be followed from one version of an object to the next. */
  readonly uncorrelated: string | undefined;
}

function visit(tree: RuleTree, at: At, found: Found): void {
  const { node, rules } = tree;
  for (const [index, rule] of rules.entries()) {
    const path = `${at.path}.x-kubernetes-validations[${index}]`;
    const source = node.rules[index];
    if ('program' in rule) checkRule(rule, { ...at, path }, { found, node });
    else if (source !== undefined) found.faults.push(invalid(`${path}.${rule.at}`, shown(source), rule.why));
  }
  for (const [name, field] of tree.fields)
    visit(field, { ...at, path: `${at.path}.properties[${name}]` }, found);
  if (tree.values !== undefined)
    visit(
      tree.values,
      {
        ...at,
        path: `${at.path}.additionalProperties`,
        times: multiply(at.times, node.checks.maxProperties),
      },
      found,
    );
  if (tree.items === undefined) return;
  const uncorrelated = node.listType === 'map' ? at.uncorrelated : (at.uncorrelated ?? at.path);
  const times = multiply(at.times, node.checks.maxItems);
  visit(tree.items, { path: `${at.path}.items`, times, uncorrelated }, found);
}

function multiply(times: number | undefined, by: number | undefined): number | undefined {
  return times === undefined || by === undefined ? undefined : times * by;
}

function checkRule(
  { rule, program, message, usesOldSelf }: CompiledRule,
  { path, times, uncorrelated }: At,
  { found, node }: { readonly found: Found; readonly node: Node },
): void {
  const often = times ?? Math.floor(REQUEST_BYTES / (smallest(node) + 1));
  const cost = (key: string, one: Program, count: number) => {
    const field = `${path}.${key}`;
    found.costs.push({ field, cost: one.estimatedCost * count });
    const fault = costFault(one, count);
    if (fault !== undefined) found.faults.push(forbidden(field, fault.replace('rule cost', `${key} cost`)));
  };
  cost('rule', program, often);
  if (message !== undefined) cost('messageExpression', message, 1);
  if (usesOldSelf && uncorrelated !== undefined)
    found.faults.push(
      invalid(
        `${path}.rule`,
        rule.rule,
        `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`,
      ),
    );
  if (!usesOldSelf && rule.optionalOldSelf !== undefined)
    found.faults.push(
      invalid(
        `${path}.optionalOldSelf`,
        rule.optionalOldSelf,
        'may not be set if oldSelf is not used in rule',
      ),
    );
}

/** The fewest bytes that a value of the schema takes in JSON. */
function smallest(node: Node): number {
  switch (node.types[0]) {
    case 'boolean':
      return 4;
    case 'integer':
    case 'number':
      return 1;
    case 'object': {
      const fields = node.checks.required.map((name) => {
        const field = node.fields.get(name);
        return name.length + 4 + (field === undefined ? 0 : smallest(field));
      });
      return 2 + fields.reduce((sum, size) => sum + size, 0);
    }
    default:
      return 2;
  }
}

/** A rule as upstream shows it: with the names that its internal version has. */
function shown(rule: Rule): object {
  return {
    Rule: rule.rule,
    Message: rule.message,
    MessageExpression: rule.messageExpression,
    Reason: rule.reason === '' ? null : rule.reason,
    FieldPath: rule.fieldPath,
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  };
}
