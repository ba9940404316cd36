import type { RuleCheck } from '../../api/custom/facts.ts';
import { duplicate, forbidden, invalid, invalidWhole, NO_FIELD, required } from '../../api/custom/faults.ts';
import type { Node, Rule } from '../../api/custom/node.ts';
import { correlate, NONE } from '../../api/custom/validate.ts';
import { equalJson, isJsonObject, type JsonObject, memberOf } from '../../api/json.ts';
import type { Outcome, Program } from '../../cel/cel.ts';
import { CelBudget } from '../../cel/meter.ts';
import { NONE as NO_VALUE, Optional } from '../../cel/values.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { CompiledRule } from './compile-rule.ts';
import { compileRules, type RuleTree } from './rule-tree.ts';

/** Compiles the rules of a schema; undefined where there are none. */
export function createRuleCheck(root: Node, isResource: boolean): RuleCheck | undefined {
  const tree = compileRules(root, isResource);
  if (tree === undefined) return undefined;
  return (value, old) => {
    const check = new Check();
    check.visit(tree, value, { path: '', old: old === undefined ? NONE : old, nearest: undefined });
    return check.faults;
  };
}

interface At {
  readonly path: string;
  /** The value as it was at the same place, or {@link NONE}. */
  readonly old: unknown;
  /** The closest place around this one of which it is known what it was. */
  readonly nearest: { readonly value: unknown; readonly old: unknown } | undefined;
}

class Check {
  readonly faults: ErrorDetail[] = [];
  readonly #budget = new CelBudget();
  #ended = false;

  visit(tree: RuleTree, value: unknown, at: At): void {
    if (value === null || value === undefined || this.#ended) return;
    if (value === at.old && !tree.transitions) return; // Whatever is wrong with it would be forgiven.
    for (const rule of tree.rules) {
      if (this.#ended) return;
      if ('program' in rule) this.#rule(rule, { node: tree.node, value, at });
      else this.faults.push(invalid(fieldOf(at.path), typeOf(tree.node), `rule compile error: ${rule.why}`));
    }
    if (Array.isArray(value)) this.#items(tree, value, at);
    else if (isJsonObject(value)) this.#members(tree, value, at);
  }

  #items({ items, node }: RuleTree, value: readonly unknown[], at: At): void {
    if (items === undefined) return;
    const olds = correlate(node, at.old);
    value.forEach((item, index) => {
      this.visit(items, item, { path: `${at.path}[${index}]`, old: olds(item), nearest: around(value, at) });
    });
  }

  #members({ fields, values }: RuleTree, value: JsonObject, at: At): void {
    for (const [key, member] of Object.entries(value)) {
      const field = fields.get(key);
      const tree = field ?? values;
      if (tree === undefined) continue;
      const path = field === undefined ? `${at.path}[${key}]` : at.path === '' ? key : `${at.path}.${key}`;
      const old = isJsonObject(at.old) ? (memberOf(at.old, key) ?? NONE) : NONE;
      this.visit(tree, member, { path, old, nearest: around(value, at) });
    }
  }

  #rule(compiled: CompiledRule, { node, value, at }: { node: Node; value: unknown; at: At }): void {
    const { rule, program, usesOldSelf } = compiled;
    const known = at.old !== NONE && at.old !== null;
    // A transition needs something to come from, unless the rule says that it does without.
    if (usesOldSelf && !known && rule.optionalOldSelf !== true) return;
    const values = { self: value, ...oldSelf(rule, known ? at.old : NONE) };
    const outcome = program.evaluate(values, this.#budget);
    if (outcome.fault !== undefined) {
      this.#failed(rule, outcome, { field: fieldOf(at.path), type: typeOf(node) });
      return;
    }
    if (outcome.value === true || (!usesOldSelf && isUnchanged(value, at))) return;
    const field = compiled.fieldPath === '' ? at.path : join(at.path, compiled.fieldPath);
    const detail = this.#message(compiled, values) ?? messageOf(rule);
    this.faults.push(faultOf(rule, { field: fieldOf(field), value, detail, whole: isWhole(node) }));
  }

  #failed(rule: Rule, { fault = '', costExceeded }: Outcome, at: { field: string; type: string }): void {
    const about = sourceOf(rule);
    if (costExceeded === 'request') {
      const why =
        'validation failed due to running out of cost budget, no further validation rules will be run';
      this.faults.push(invalid(at.field, at.type, why));
      this.#ended = true;
    } else if (costExceeded === 'expression') {
      const why = 'no further validation rules will be run due to call cost exceeds limit for rule';
      this.faults.push(invalid(at.field, at.type, `'${fault}': ${why}: ${about}`));
      this.#ended = true;
    } else if (fault.startsWith('no such overload')) {
      const why = 'call arguments did not match a supported operator, function or macro signature for rule';
      this.faults.push(invalid(at.field, at.type, `'${fault}': ${why}: ${about}`));
    } else this.faults.push(invalid(at.field, at.type, `${fault} evaluating rule: ${about}`));
  }

  /** Undefined where there is none, or none that can be shown. */
  #message({ message }: CompiledRule, values: Parameters<Program['evaluate']>[0]): string | undefined {
    const said = message?.evaluate(values, this.#budget).value;
    if (typeof said !== 'string') return undefined;
    const text = said.trim();
    const fits = text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= LIMITS.celMessageBytes;
    return fits ? text : undefined;
  }
}

function around(value: unknown, at: At): At['nearest'] {
  return at.old === NONE ? at.nearest : { value, old: at.old };
}

/** What did not change is forgiven. */
function isUnchanged(value: unknown, { old, nearest }: At): boolean {
  if (old !== NONE) return equalJson(value, old);
  return nearest !== undefined && equalJson(nearest.value, nearest.old);
}

function oldSelf(rule: Rule, old: unknown): { readonly oldSelf?: unknown } {
  if (rule.optionalOldSelf === true) return { oldSelf: old === NONE ? NO_VALUE : new Optional(old) };
  return old === NONE ? {} : { oldSelf: old };
}

function isWhole({ types }: Node): boolean {
  return types[0] === 'object' || types[0] === 'array';
}

function typeOf({ types, intOrString }: Node): string {
  return intOrString ? '' : (types[0] ?? '');
}

function faultOf(
  { reason }: Rule,
  at: { readonly field: string; readonly value: unknown; readonly detail: string; readonly whole: boolean },
): ErrorDetail {
  const { field, value, detail, whole } = at;
  switch (reason) {
    case 'FieldValueForbidden':
      return forbidden(field, detail);
    case 'FieldValueRequired':
      return required(field, detail);
    case 'FieldValueDuplicate':
      return whole ? { reason, field, message: 'Duplicate value' } : duplicate(field, value);
    default:
      return whole ? invalidWhole(field, detail) : invalid(field, value, detail);
  }
}

function messageOf(rule: Rule): string {
  return rule.message === '' ? `failed rule: ${sourceOf(rule)}` : rule.message.trim();
}

function sourceOf({ message, rule }: Rule): string {
  return (message === '' ? rule : message).trim();
}

function join(path: string, below: string): string {
  return path === '' || below.startsWith('[') ? `${path}${below}` : `${path}.${below}`;
}

function fieldOf(path: string): string {
  return path === '' ? NO_FIELD : path;
}
