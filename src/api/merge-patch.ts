import { cloneJson, isJsonObject, type JsonObject, memberOf, setMember } from './json.ts';

/** JSON merge patch, https://www.rfc-editor.org/rfc/rfc7386. Neither argument is changed. */
export function mergePatch(original: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return cloneJson(patch);
  const merged: JsonObject = isJsonObject(original) ? { ...original } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else setMember(merged, key, mergePatch(memberOf(merged, key), value));
  }
  return merged;
}
