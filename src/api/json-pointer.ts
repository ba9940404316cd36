import { isJsonObject, type JsonObject, setMember } from './json.ts';

/** A place inside a document, which may have nothing there yet. */
export interface Place {
  readonly holder: JsonObject | unknown[];
  readonly key: string;
}

export function isPointer(value: unknown): value is string {
  return typeof value === 'string' && (value === '' || value.startsWith('/'));
}

/** The names a pointer leads by, https://www.rfc-editor.org/rfc/rfc6901. */
export function namesOf(pointer: string): string[] {
  const names = pointer.split('/').slice(1);
  return pointer.includes('~')
    ? names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
    : names;
}

/** The place of a pointer that is not the root's; undefined when nothing is there that could hold it. */
export function placeAt(document: unknown, pointer: string): Place | undefined {
  const names = namesOf(pointer);
  const key = names.pop() ?? '';
  let at = document;
  for (const name of names) {
    if (Array.isArray(at)) at = at[indexOf(name, at.length - 1) ?? -1];
    else at = isJsonObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return Array.isArray(at) || isJsonObject(at) ? { holder: at, key } : undefined;
}

/** An index of at most `last`; undefined for what is none. */
export function indexOf(key: string, last: number): number | undefined {
  const index = Number(key);
  return /^(?:0|[1-9]\d*)$/.test(key) && index <= last ? index : undefined;
}

export function isThere({ holder, key }: Place): boolean {
  return Array.isArray(holder) ? indexOf(key, holder.length - 1) !== undefined : Object.hasOwn(holder, key);
}

export function valueAt({ holder, key }: Place): unknown {
  return Array.isArray(holder) ? holder[Number(key)] : holder[key];
}

/** Puts a value in the place of the one that is there. */
export function replaceAt({ holder, key }: Place, value: unknown): void {
  if (Array.isArray(holder)) holder[Number(key)] = value;
  else setMember(holder, key, value);
}

/** Inserts into a list, `-` is behind its end; sets a member. False for an index beyond the list. */
export function insertAt({ holder, key }: Place, value: unknown): boolean {
  if (!Array.isArray(holder)) {
    setMember(holder, key, value);
    return true;
  }
  const index = key === '-' ? holder.length : indexOf(key, holder.length);
  if (index === undefined) return false;
  holder.splice(index, 0, value);
  return true;
}

export function removeAt({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}
