import { isJsonObject, type JsonObject } from '../json.ts';

/**
 * A set of fields as FieldsV1 writes it: names lead down from the object's root; a field belongs to the set when
 * nothing stands below its name, or `.` does. Names carry a prefix, so none can be `__proto__`. Never changed in place
 * once somebody else has it.
 * https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/#fieldsv1-v1-meta
 */
export interface FieldSet {
  [name: string]: FieldSet;
}

/** A place in a set that is a field of it. Shared, so it must stay empty. */
export const FIELD: FieldSet = Object.freeze({});
/** Names the field itself beside what stands below it. */
export const SELF = '.';

/** Whether what stands at a name says that the field itself belongs to the set. */
export function isField(at: FieldSet): boolean {
  for (const _ in at) return Object.hasOwn(at, SELF);
  return true;
}

/** As {@link isField}; a declared field is there as soon as anything below it is. */
export function isThere(at: FieldSet | undefined, declared: boolean): boolean {
  return at !== undefined && (declared || isField(at));
}

export function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

export function union(left: FieldSet, right: FieldSet): FieldSet {
  return combined(left, right, (inLeft, inRight) => inLeft || inRight);
}

/** Exactly the fields of `right` are taken away: what stands below them stays. */
export function without(left: FieldSet, right: FieldSet): FieldSet {
  return combined(left, right, (inLeft, inRight) => inLeft && !inRight);
}

export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  return combined(left, right, (inLeft, inRight) => inLeft && inRight);
}

type Rule = (inLeft: boolean, inRight: boolean) => boolean;

/** The roots of two sets; a root is no field, so without names it is empty. */
function combined(left: FieldSet, right: FieldSet, rule: Rule): FieldSet {
  if (isEmpty(left)) return rule(false, true) ? right : left;
  if (isEmpty(right)) return rule(true, false) ? left : right;
  return below(left, right, rule) ?? {};
}

function place(left: FieldSet | undefined, right: FieldSet | undefined, rule: Rule): FieldSet | undefined {
  if (left === undefined) return rule(false, true) ? right : undefined;
  if (right === undefined) return rule(true, false) ? left : undefined;
  const kept = below(left, right, rule);
  if (!rule(isField(left), isField(right))) return kept;
  return kept === undefined ? FIELD : { [SELF]: FIELD, ...kept };
}

function below(left: FieldSet, right: FieldSet, rule: Rule): FieldSet | undefined {
  let made: FieldSet | undefined;
  const add = (name: string, at: FieldSet | undefined) => {
    if (at === undefined) return;
    made ??= {};
    made[name] = at;
  };
  for (const name of Object.keys(left))
    if (name !== SELF) add(name, place(left[name], ownPlace(right, name), rule));
  if (rule(false, true))
    for (const name of Object.keys(right))
      if (name !== SELF && !Object.hasOwn(left, name)) add(name, right[name]);
  return made;
}

export function ownPlace(set: FieldSet | undefined, name: string): FieldSet | undefined {
  return set !== undefined && Object.hasOwn(set, name) ? set[name] : undefined;
}

/** The names that lead to each field, fields of one place before what stands below it, each in order. */
export function pathsOf(set: FieldSet, above: readonly string[] = []): (readonly string[])[] {
  const names = Object.keys(set)
    .filter((name) => name !== SELF)
    .sort();
  const here = names.filter((name) => isField(set[name] ?? FIELD)).map((name) => [...above, name]);
  return [...here, ...names.flatMap((name) => pathsOf(set[name] ?? FIELD, [...above, name]))];
}

/** `.spec.containers[name="main"].image`: how upstream prints a path. */
export function pathText(names: readonly string[]): string {
  return names.map(nameText).join('');
}

function nameText(name: string): string {
  const content = name.slice(2);
  if (name.startsWith('f:')) return `.${content}`;
  if (name.startsWith('v:')) return `[=${content}]`;
  if (name.startsWith('i:')) return `[${content}]`;
  const keys = Object.entries(JSON.parse(content) as JsonObject); // Made by the walk or checked by parseFieldSet.
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}

/** A set from a client, its names in the form the walk gives them; undefined when it is none. Depth is bounded by the decoder. */
export function parseFieldSet(value: unknown): FieldSet | undefined {
  if (!isJsonObject(value)) return undefined;
  const set: FieldSet = {};
  for (const [name, inner] of Object.entries(value)) {
    const known = parseName(name);
    if (known === undefined) return undefined;
    if (known === '') continue;
    const below = parseFieldSet(inner);
    if (below === undefined) return undefined;
    set[known] = below;
  }
  return set;
}

/** Undefined: it is broken. Empty: of a kind nobody knows, which upstream leaves out. */
function parseName(name: string): string | undefined {
  if (name === SELF || name.startsWith('f:')) return name;
  if (name.startsWith('i:')) return /^i:\d+$/.test(name) ? name : undefined;
  if (!name.startsWith('k:') && !name.startsWith('v:')) return '';
  try {
    const content: unknown = JSON.parse(name.slice(2));
    if (name.startsWith('v:')) return `v:${JSON.stringify(content)}`;
    if (!isJsonObject(content)) return undefined;
    const keys = Object.keys(content).sort();
    return `k:{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(content[key])}`).join(',')}}`;
  } catch {
    return undefined;
  }
}
