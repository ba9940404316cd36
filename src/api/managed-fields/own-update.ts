import { capEntries } from './cap-entries.ts';
import type { Difference } from './compare.ts';
import { type Entry, inOrder, isSameManager, makeEntry, type Writer, withFields } from './entry.ts';
import { type FieldSet, isEmpty, SELF, union, without } from './field-set.ts';

/** What a write did, in the words of one version of the kind. */
export type DifferenceIn = (apiVersion: string) => VersionDifference;
export type VersionDifference = Difference | undefined | 'not served';

/**
 * Who owns what after an update: the writer gets the fields that it gave another value, everybody else loses them; what
 * was removed nobody owns. The same list where nothing changes.
 */
export function ownUpdate(
  entries: readonly Entry[],
  differenceIn: DifferenceIn,
  writer: Writer,
): readonly Entry[] {
  const others = settle(entries, differenceIn);
  const difference = differenceIn(writer.apiVersion);
  const changed = difference === 'not served' ? undefined : withoutIdentity(difference?.changed);
  if (changed === undefined) return others === entries ? entries : inOrder(others);
  const own = others.find((entry) => isSameManager(entry, writer));
  const fields = own === undefined ? changed : union(own.fieldsV1, changed);
  const next = [...others.filter((entry) => entry !== own), makeEntry(writer, fields, writer.now)];
  return inOrder(capEntries(next));
}

/** The entries without what a write changed or removed; those left without a field are gone. */
export function settle(entries: readonly Entry[], differenceIn: DifferenceIn): readonly Entry[] {
  let isSame = true;
  const left: Entry[] = [];
  for (const entry of entries) {
    const difference = differenceIn(entry.apiVersion);
    const kept = difference === 'not served' ? undefined : afterwards(entry, difference);
    isSame &&= kept === entry;
    if (kept !== undefined) left.push(kept);
  }
  return isSame ? entries : left;
}

function afterwards(entry: Entry, difference: Difference | undefined): Entry | undefined {
  let fields = entry.fieldsV1;
  if (difference?.changed !== undefined) fields = without(fields, difference.changed);
  if (difference?.removed !== undefined) fields = without(fields, difference.removed);
  if (isEmpty(fields)) return undefined;
  return difference === undefined ? entry : withFields(entry, fields);
}

const IDENTITY: ReadonlySet<string> = new Set(['f:apiVersion', 'f:kind', 'f:metadata']);
const OF_METADATA: ReadonlySet<string> = new Set([
  SELF,
  'f:name',
  'f:namespace',
  'f:creationTimestamp',
  'f:selfLink',
  'f:uid',
  'f:clusterName',
  'f:generation',
  'f:managedFields',
  'f:resourceVersion',
]);

/** Nobody owns what names an object, or what the server says of it. Undefined when nothing else is in the set. */
export function withoutIdentity(set: FieldSet | undefined): FieldSet | undefined {
  if (set === undefined) return undefined;
  const { 'f:metadata': metadata } = set;
  const fields = metadata === undefined ? undefined : less(metadata, OF_METADATA);
  const rest = less(set, IDENTITY);
  const left = fields === undefined ? rest : { 'f:metadata': fields, ...rest };
  return left === undefined || isEmpty(left) ? undefined : left;
}

function less(set: FieldSet, names: ReadonlySet<string>): FieldSet | undefined {
  let left: FieldSet | undefined;
  for (const name of Object.keys(set)) {
    const at = set[name];
    if (names.has(name) || at === undefined) continue;
    left ??= {};
    left[name] = at;
  }
  return left;
}
