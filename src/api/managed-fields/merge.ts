import { isJsonObject, type JsonObject, memberOf, setMember } from '../json.ts';
import type { ArraySchema, Schema } from '../schema.ts';
import { formOf, isBare, itemNamer, memberStep } from './walk.ts';

/**
 * Server-side apply's merge: objects and maps by member, lists by their type; null stands for itself. Neither argument
 * is changed; what is not touched is shared.
 */
export function merge(schema: Schema, live: unknown, applied: unknown): unknown {
  if (live === undefined) return applied;
  const form = formOf(schema, applied);
  if (form === 'whole' || form !== formOf(schema, live)) return applied;
  if (isBare(applied)) return isBare(live) ? applied : live;
  if (isJsonObject(applied)) return isJsonObject(live) ? mergeMembers(schema, live, applied) : applied;
  if (schema.type !== 'array' || !Array.isArray(applied) || !Array.isArray(live)) return applied;
  return mergeItems(schema, live, applied);
}

function mergeMembers(schema: Schema, live: JsonObject, applied: JsonObject): JsonObject {
  const merged: JsonObject = { ...live };
  for (const key of Object.keys(applied))
    setMember(merged, key, merge(memberStep(schema, key).schema, memberOf(live, key), applied[key]));
  return merged;
}

interface Named {
  readonly name: string;
  readonly item: unknown;
}

/**
 * Items that both have stand in the order applied; items that only the server has go before the next shared one they
 * preceded. Items of the server that share a name give way to the applied one.
 */
function mergeItems(schema: ArraySchema, live: readonly unknown[], applied: readonly unknown[]): unknown[] {
  const nameOf = itemNamer(schema);
  const named = (item: unknown): Named => ({ name: nameOf(item), item });
  const lefts = live.map(named);
  const rights = applied.map(named);
  const before = new Map<string, unknown>();
  for (const { name, item } of lefts) before.set(name, before.has(name) ? undefined : item);
  const wanted = new Set(rights.map(({ name }) => name));
  const shared = rights.filter(({ name }) => before.has(name)).map(({ name }) => name);
  const merged: unknown[] = [];
  let at = 0;
  let next = 0; // In `shared`: the item both have that is merged next.
  for (const { name, item } of rights) {
    for (; at < lefts.length; at++) {
      const left = lefts[at];
      if (left === undefined || left.name === name) break;
      if (!wanted.has(left.name)) merged.push(left.item);
      else if (left.name === shared[next]) break; // It keeps its place behind what is new here.
    }
    merged.push(merge(schema.items, before.get(name), item));
    if (lefts[at]?.name === name) at++;
    if (shared[next] === name) next++;
  }
  for (const left of lefts.slice(at)) if (!wanted.has(left.name)) merged.push(left.item);
  return merged;
}
