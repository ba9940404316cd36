import type { ErrorDetail } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { equalJson, isJsonObject, type JsonObject, memberOf } from '../json.ts';
import { invalid, NO_FIELD, required, tooMany, wrongType } from './faults.ts';
import type { Node } from './node.ts';
import { checkScalar, type PatternBudget, typeFault } from './validate-scalar.ts';

/** The value before a change is not known, or there was none: nothing is forgiven. */
export const NONE: unique symbol = Symbol('no old value');

/**
 * What a schema says against a value, in upstream's words. With the value as it was, what did not change and does not
 * fit (any more) is forgiven.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
 */
export function validateNode(node: Node, value: unknown, old: unknown = NONE): readonly ErrorDetail[] {
  const check = new Check({ left: LIMITS.patternSteps });
  check.visit(node, value, { path: '', old });
  return check.faults;
}

interface At {
  readonly path: string;
  /** The value as it was at the same place, or {@link NONE}. */
  readonly old: unknown;
}

class Check {
  faults: ErrorDetail[] = [];
  /** How many checks passed, as upstream counts them: of several alternatives that fail, the one that got furthest is shown. */
  matches = 0;
  readonly #budget: PatternBudget;

  constructor(budget: PatternBudget) {
    this.#budget = budget;
  }

  visit(node: Node, value: unknown, at: At): void {
    if (at.old === value) return; // Whatever is wrong with it would be forgiven.
    const before = this.faults.length;
    this.attempt(node, value, at);
    if (this.faults.length > before && at.old !== NONE && equalJson(at.old, value))
      this.faults.length = before;
  }

  /** As {@link visit}, and nothing is forgiven at this place itself. */
  attempt(node: Node, value: unknown, at: At): void {
    const fault = typeFault(node, value, at.path);
    if (fault === undefined) this.matches += 1;
    else this.#add(wrongType(fieldOf(at.path), fault.value, fault.why));
    if (value === null) {
      for (const found of checkScalar(node, value, { path: at.path, budget: this.#budget })) this.#add(found);
      return;
    }
    this.#alternatives(node, value, at);
    if (node.checks.any)
      for (const found of checkScalar(node, value, { path: at.path, budget: this.#budget })) this.#add(found);
    if (typeof value === 'number') this.matches += 1;
    if (Array.isArray(value)) this.#items(node, value, at);
    else if (isJsonObject(value)) this.#members(node, value, at);
    this.matches += 1;
  }

  /** An alternative is not forgiven by itself for what did not change; what is below it is. */
  #tried(node: Node, value: unknown, at: At): Check {
    const check = new Check(this.#budget);
    check.attempt(node, value, at);
    return check;
  }

  #add(fault: ErrorDetail): void {
    if (this.faults.length >= LIMITS.schemaFaults) return;
    const known = this.faults.some(
      ({ field, message }) => field === fault.field && message === fault.message,
    );
    if (!known) this.faults.push(fault);
  }

  #merge(other: Check): void {
    for (const fault of other.faults) this.#add(fault);
    this.matches += other.matches;
  }

  #items(node: Node, value: readonly unknown[], at: At): void {
    const { items, checks } = node;
    if (items !== undefined) {
      const olds = correlate(node, at.old);
      value.forEach((item, index) => {
        this.visit(items, item, { path: `${at.path}[${index}]`, old: olds(item) });
      });
    }
    const field = fieldOf(at.path);
    if (checks.minItems !== undefined && value.length < checks.minItems)
      this.#add(
        invalid(field, value.length, `${at.path} in body should have at least ${checks.minItems} items`),
      );
    if (checks.maxItems !== undefined && value.length > checks.maxItems)
      this.#add(tooMany(field, value.length, checks.maxItems));
  }

  #members(node: Node, value: JsonObject, at: At): void {
    const { checks, fields, values } = node;
    const field = fieldOf(at.path);
    const keys = Object.keys(value);
    const { minProperties: least, maxProperties: most } = checks;
    if (least !== undefined && keys.length < least)
      this.#add(invalid(field, keys.length, `${at.path} in body should have at least ${least} properties`));
    if (most !== undefined && keys.length > most) this.#add(tooMany(field, keys.length, most));
    for (const key of keys) {
      const known = fields.get(key);
      if (known === undefined && values === false)
        this.#add(invalid(field, key, `${at.path}.${key} in body is a forbidden property`));
      const schema = known ?? values;
      if (typeof schema !== 'object') continue;
      const path = known !== undefined && at.path === '' ? key : `${at.path}.${key}`;
      this.visit(schema, value[key], { path, old: oldMember(at, key) });
    }
    for (const key of checks.required)
      if (!Object.hasOwn(value, key)) this.#add(required(fieldOf(`${at.path}.${key}`)));
  }

  #alternatives(node: Node, value: unknown, at: At): void {
    const { allOf, anyOf, oneOf, not } = node.checks;
    if (anyOf.length > 0) this.#anyOf(anyOf, value, at);
    if (oneOf.length > 0) this.#oneOf(oneOf, value, at);
    if (allOf.length > 0) this.#allOf(allOf, value, at);
    if (not !== undefined && this.#tried(not, value, at).faults.length === 0)
      this.#add(invalid(NO_FIELD, '', `${quoted(at)} must not validate the schema (not)`));
    this.matches += 1;
  }

  #anyOf(nodes: readonly Node[], value: unknown, at: At): void {
    let best: Check | undefined;
    for (const node of nodes) {
      const result = this.#tried(node, value, at);
      if (result.faults.length === 0) {
        this.#merge(result);
        return;
      }
      if (best === undefined || result.matches > best.matches) best = result;
    }
    this.#add(invalid(NO_FIELD, '', `${quoted(at)} must validate at least one schema (anyOf)`));
    if (best !== undefined) this.#merge(best);
  }

  #oneOf(nodes: readonly Node[], value: unknown, at: At): void {
    const results = nodes.map((node) => this.#tried(node, value, at));
    const valid = results.filter(({ faults }) => faults.length === 0);
    const [only] = valid;
    if (only !== undefined && valid.length === 1) {
      this.#merge(only);
      return;
    }
    const found = valid.length === 0 ? 'Found none valid' : `Found ${valid.length} valid alternatives`;
    this.#add(invalid(NO_FIELD, '', `${quoted(at)} must validate one and only one schema (oneOf). ${found}`));
    if (valid.length > 0) return;
    const [first, ...others] = results;
    if (first !== undefined)
      this.#merge(others.reduce((best, one) => (one.matches > best.matches ? one : best), first));
  }

  #allOf(nodes: readonly Node[], value: unknown, at: At): void {
    let valid = 0;
    for (const node of nodes) {
      const result = this.#tried(node, value, at);
      if (result.faults.length === 0) valid += 1;
      this.#merge(result);
    }
    if (valid < nodes.length)
      this.#add(
        invalid(
          NO_FIELD,
          '',
          `${quoted(at)} must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`,
        ),
      );
  }
}

function quoted({ path }: At): string {
  return JSON.stringify(path);
}

/** Paths of members that no schema names begin with a dot at the root. */
function fieldOf(path: string): string {
  const field = path.startsWith('.') ? path.slice(1) : path;
  return field === '' ? NO_FIELD : field;
}

function oldMember({ path, old }: At, key: string): unknown {
  // What stands in the store is of another version, or seems so: a type that changed is never forgiven.
  if (path === '' && (key === 'apiVersion' || key === 'kind')) return NONE;
  if (!isJsonObject(old)) return NONE;
  return memberOf(old, key) ?? NONE;
}

/** Finds for an item what it was before: only lists of type map say which item is which. */
export function correlate(node: Node, old: unknown): (item: unknown) => unknown {
  if (node.listType !== 'map' || !Array.isArray(old)) return () => NONE;
  const byKey = new Map<string, unknown>();
  for (const item of old) {
    const key = keyOf(node, item);
    if (key !== undefined && !byKey.has(key)) byKey.set(key, item);
  }
  return (item) => byKey.get(keyOf(node, item) ?? '') ?? NONE;
}

function keyOf(node: Node, item: unknown): string | undefined {
  if (!isJsonObject(item)) return undefined;
  return JSON.stringify(
    node.mapKeys.map((key) => memberOf(item, key) ?? node.items?.fields.get(key)?.default),
  );
}
