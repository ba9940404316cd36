import { LIMITS } from '../../lib/limits.ts';
import { asWriter, byText, type Entry, isSameManager, makeEntry } from './entry.ts';
import { union } from './field-set.ts';

const ANCIENT = 'ancient-changes';

/** At most so many that update: the oldest of each version become one entry, which has the time of the newest of them. */
export function capEntries(entries: readonly Entry[]): readonly Entry[] {
  const updates = entries.filter(({ operation }) => operation === 'Update');
  let surplus = updates.length - LIMITS.managedFieldsUpdates;
  if (surplus <= 0) return entries;
  const oldest = [...updates].sort(
    (a, b) => byText(a.time ?? '', b.time ?? '') || byText(a.manager ?? '', b.manager ?? ''),
  );
  const kept = new Set(entries);
  /** By version: the entry that others of its version go into. */
  const buckets = new Map<string, Entry>();
  for (const entry of oldest) {
    if (surplus <= 0) break;
    if (!kept.has(entry)) continue;
    const first = buckets.get(entry.apiVersion);
    if (first === undefined) {
      buckets.set(entry.apiVersion, entry);
      continue;
    }
    const bucket = { ...asWriter(entry), manager: ANCIENT, subresource: '' };
    const known = [...kept].find((each) => each !== first && isSameManager(each, bucket));
    let fields = union(first.fieldsV1, entry.fieldsV1);
    if (known !== undefined && known !== entry) {
      fields = union(known.fieldsV1, fields);
      kept.delete(known);
      surplus--;
    }
    const merged = makeEntry(bucket, fields, entry.time);
    kept.delete(first);
    kept.delete(entry);
    kept.add(merged);
    buckets.set(entry.apiVersion, merged);
    surplus--;
  }
  return [...kept];
}
