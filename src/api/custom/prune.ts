import { conform, type WrongType } from '../conform.ts';
import { isJsonObject, type JsonObject, setMember } from '../json.ts';
import type { Schema } from '../schema.ts';
import type { Node } from './node.ts';

export interface Pruned {
  /** What the schema knows of the value; the value itself where that is all of it. */
  readonly value: JsonObject;
  /** Paths of the fields that were dropped, sorted, such as `spec.containers[0].imagee`. */
  readonly unknown: readonly string[];
  /** Metadata that cannot be decoded; when there is any, `value` must not be used. */
  readonly wrong: readonly WrongType[];
}

/**
 * Drops what the schema does not know, and null where it can mean nothing: where null is not allowed and no default
 * takes its place. Metadata, the object's own and that of embedded resources, is decoded by its own schema.
 */
export function prune(node: Node, value: JsonObject, meta: Schema): Pruned {
  const pruner = new Pruner(meta);
  const kept = pruner.root(node, value);
  return { value: kept, unknown: pruner.unknown.sort(), wrong: pruner.wrong };
}

type Step = string | number;

class Pruner {
  readonly unknown: string[] = [];
  readonly wrong: WrongType[] = [];
  readonly #meta: Schema;
  readonly #path: Step[] = [];

  constructor(meta: Schema) {
    this.#meta = meta;
  }

  root(node: Node, value: JsonObject): JsonObject {
    return this.#members(node, value, { embedded: true, preserves: node.preserves });
  }

  #value(node: Node | undefined, value: unknown, skips: boolean): unknown {
    if (Array.isArray(value)) return this.#items(node, value, skips);
    if (!isJsonObject(value)) return value;
    if (node === undefined) return this.#dropAll(value);
    return this.#members(node, value, { embedded: node.embedded, preserves: skips || node.preserves });
  }

  #members(node: Node, value: JsonObject, as: { embedded: boolean; preserves: boolean }): JsonObject {
    let copy = value;
    for (const key of Object.keys(value)) {
      const member = value[key];
      this.#path.push(key);
      const kept = this.#member(node, { key, member }, as);
      this.#path.pop();
      if (kept === member && kept !== undefined) continue;
      if (copy === value) copy = { ...value };
      if (kept === undefined) delete copy[key];
      else setMember(copy, key, kept);
    }
    return copy;
  }

  /** Undefined for what is dropped. */
  #member(
    node: Node,
    { key, member }: { key: string; member: unknown },
    as: { embedded: boolean; preserves: boolean },
  ): unknown {
    if (as.embedded && key === 'metadata') return this.#metadata(member);
    if (as.embedded && (key === 'apiVersion' || key === 'kind')) return member;
    const schema = node.fields.get(key) ?? node.values;
    if (typeof schema === 'object')
      return isNothing(schema, member) ? undefined : this.#value(schema, member, false);
    // Upstream knows nothing of what is below `additionalProperties: true`: objects there lose their fields.
    if (schema === true) return this.#value(undefined, member, false);
    if (as.preserves) return member;
    this.unknown.push(pathOf(this.#path));
    return undefined;
  }

  #items(node: Node | undefined, value: readonly unknown[], skips: boolean): unknown {
    let copy: unknown[] | undefined;
    const preserves = skips || node?.preserves === true;
    if (preserves && node?.items === undefined) return value;
    for (const [index, item] of value.entries()) {
      this.#path.push(index);
      const kept = this.#value(node?.items, item, preserves);
      this.#path.pop();
      if (kept === item) continue;
      copy ??= [...value];
      copy[index] = kept;
    }
    return copy ?? value;
  }

  #dropAll(value: JsonObject): JsonObject {
    const keys = Object.keys(value);
    if (keys.length === 0) return value;
    for (const key of keys) this.unknown.push(pathOf([...this.#path, key]));
    return {};
  }

  #metadata(value: unknown): unknown {
    const at = pathOf(this.#path);
    const { value: kept, unknown, wrong } = conform(this.#meta, value);
    for (const path of unknown) this.unknown.push(`${at}.${path}`);
    for (const { field, message } of wrong)
      this.wrong.push({ field: field === '' ? at : `${at}.${field}`, message });
    return kept ?? value;
  }
}

function isNothing(node: Node, value: unknown): boolean {
  return value === null && !node.nullable && node.default === undefined;
}

function pathOf(steps: readonly Step[]): string {
  return steps.reduce<string>((path, step) => {
    if (typeof step === 'number') return `${path}[${step}]`;
    return path === '' ? step : `${path}.${step}`;
  }, '');
}
