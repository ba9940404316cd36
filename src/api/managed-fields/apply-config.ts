import { equalJson } from '../json.ts';
import type { ApiObject } from '../kind.ts';
import type { Schema } from '../schema.ts';
import { compare } from './compare.ts';
import { type Conflict, conflictError } from './conflicts.ts';
import { type Entry, inOrder, isSameManager, makeEntry, type Writer } from './entry.ts';
import { type FieldSet, intersection, isEmpty, without } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { differencesOf, type VersionOf } from './kind-versions.ts';
import { merge } from './merge.ts';
import { ownUpdate, settle, type VersionDifference, withoutIdentity } from './own-update.ts';
import { prune, restore } from './prune.ts';

export interface Apply {
  readonly schema: Schema;
  /** Without `managedFields`, as the configuration, in the version it is applied in. */
  readonly live: Readonly<ApiObject>;
  readonly config: Readonly<ApiObject>;
  readonly entries: readonly Entry[];
  readonly writer: Writer;
  readonly versionOf: VersionOf;
  /** Conflicts for which the applied value wins: all, or those among some fields, which are asked for when there are any. */
  readonly force: true | (() => FieldSet);
}

export interface Applied {
  /** `live` itself where nothing changed. */
  readonly object: Readonly<ApiObject>;
  readonly entries: readonly Entry[];
}

/**
 * Server-side apply: merges by the types of lists and maps, takes away what this manager applied before and nobody owns
 * any more, and says who owns what then.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 * @throws Conflict when fields that another manager owns would get other values.
 */
export function applyConfig(apply: Apply): Applied {
  const { schema, live, config, entries, writer } = apply;
  const last = entries.find((entry) => isSameManager(entry, writer));
  const others = entries.filter((entry) => entry !== last);
  const fields = withoutIdentity(fieldsOf(schema, config));
  const merged = merge(schema, live, config) as ApiObject; // Both are objects of the kind.
  const own = fields === undefined ? [] : [makeEntry(writer, fields, undefined)];
  const object = last === undefined ? merged : pruned(apply, { merged, last, kept: [...others, ...own] });
  const differenceIn = differencesOf(apply, object);
  const found = others.flatMap((entry) => conflictOf(entry, differenceIn(entry.apiVersion)));
  const refused = found.length === 0 || apply.force === true ? [] : unforced(found, apply.force());
  if (refused.length > 0) throw conflictError(refused);
  // The order of a set is nobody's, and a change all the same.
  const isChanged = differenceIn(writer.apiVersion) !== undefined || !equalJson(live, object);
  const time = isChanged || last === undefined ? writer.now : last.time;
  const now = fields === undefined ? [] : [makeEntry(writer, fields, time)];
  return {
    object: isChanged ? object : live,
    entries: inOrder([...settle(others, differenceIn), ...now]),
  };
}

/** Entries for an object that nobody tracked: what it has belongs to who came before. */
export function beforeFirstApply(
  schema: Schema,
  live: Readonly<ApiObject>,
  writer: Writer,
): readonly Entry[] {
  const before: Writer = { ...writer, manager: 'before-first-apply', operation: 'Update', subresource: '' };
  return ownUpdate([], () => compare(schema, {}, live), before);
}

function conflictOf(entry: Entry, difference: VersionDifference): Conflict[] {
  if (difference === 'not served' || difference?.changed === undefined) return [];
  const fields = intersection(entry.fieldsV1, difference.changed);
  return isEmpty(fields) ? [] : [{ entry, fields }];
}

function unforced(conflicts: readonly Conflict[], forced: FieldSet): Conflict[] {
  return conflicts.flatMap(({ entry, fields }) => {
    const left = without(fields, forced);
    return isEmpty(left) ? [] : [{ entry, fields: left }];
  });
}

/** In the version applied before, and again in each version in which somebody owns fields. */
function pruned(
  { writer, versionOf }: Apply,
  from: { readonly merged: ApiObject; readonly last: Entry; readonly kept: readonly Entry[] },
): ApiObject {
  const { merged, last } = from;
  const asLast = versionOf(last.apiVersion);
  if (asLast === undefined) return merged;
  const ownedIn = (apiVersion: string) =>
    from.kept.filter((entry) => entry.apiVersion === apiVersion).map((entry) => entry.fieldsV1);
  const claims = { last: last.fieldsV1, kept: ownedIn(last.apiVersion) };
  // The walks take away from an object of the kind and add nothing.
  let left = prune(asLast.schema, asLast.convert(merged), claims) as ApiObject;
  for (const apiVersion of new Set(from.kept.map((entry) => entry.apiVersion))) {
    const version = apiVersion === last.apiVersion ? undefined : versionOf(apiVersion);
    if (version === undefined) continue;
    const claimed = { left: version.convert(left), kept: ownedIn(apiVersion) };
    left = restore(version.schema, version.convert(merged), claimed) as ApiObject;
  }
  return left.apiVersion === writer.apiVersion ? left : (versionOf(writer.apiVersion)?.convert(left) ?? left);
}
