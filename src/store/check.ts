import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import {
  decodeEvent,
  decodeNumber,
  decodeObject,
  eventKey,
  metaKey,
  objectKey,
  revisionOfEvent,
} from './layout.ts';
import type { LmdbSnapshot } from './lmdb/snapshot.ts';
import { type Report, reported, type StoreSnapshot } from './snapshot.ts';
import type { StoredObject, StoreKey } from './store.ts';

/** What a walk over a whole store found. */
export interface StoreReport {
  readonly source: string;
  readonly revision: number;
  readonly objects: number;
  readonly bytes: number;
  /** Past changes that are kept; where the driver keeps them itself, none. */
  readonly events: number;
  readonly resources: Readonly<Record<string, number>>;
  /** How many things are wrong, and what the first of them are. */
  readonly faultCount: number;
  readonly faults: readonly string[];
}

export interface CheckOptions {
  readonly signal: AbortSignal;
  readonly report: Report;
  /** What else is wrong with an object, for who knows its kind. */
  readonly faultOf?: (object: StoredObject, value: Readonly<Record<string, unknown>>) => string | undefined;
}

/** Walks the whole store: each object is what its key says and no newer than the store; log and objects agree. */
export async function checkStore(
  snapshot: StoreSnapshot | LmdbSnapshot,
  options: CheckOptions,
): Promise<StoreReport> {
  const found = new Findings();
  const resources: Record<string, number> = Object.create(null);
  let bytes = 0;
  let count = 0;
  try {
    for await (const object of reported(snapshot.objects(options.signal), snapshot.count, options.report)) {
      const { resource } = object.key;
      resources[resource] = (resources[resource] ?? 0) + 1;
      bytes += object.bytes.length;
      count += 1;
      found.add(objectFault(object, snapshot.revision, options));
    }
  } catch (error) {
    if (!(error instanceof AmphoraError && error.code === 'Corrupt')) throw error;
    found.add(error.message);
  }
  const events = 'database' in snapshot ? checkLog(snapshot, found) : 0;
  const { source, revision } = snapshot;
  return {
    source,
    revision,
    objects: count,
    bytes,
    events,
    resources,
    faultCount: found.count,
    faults: found.first,
  };
}

class Findings {
  readonly first: string[] = [];
  count = 0;

  add(fault: string | undefined): void {
    if (fault === undefined) return;
    this.count += 1;
    if (this.first.length < LIMITS.storeFaults) this.first.push(fault);
  }
}

function objectFault(object: StoredObject, newest: number, options: CheckOptions): string | undefined {
  const { key, bytes, revision } = object;
  const name = nameOf(key);
  if (key.resource === '' || key.name === '') return `${name}: the key is not that of an object`;
  if (revision < 1 || revision > newest)
    return `${name}: its revision ${revision} is not within the store's ${newest}`;
  const value = parse(bytes);
  if (value === undefined) return `${name}: its bytes are no object`;
  const metadata = value.metadata as Readonly<Record<string, unknown>> | undefined; // Looked at below.
  if (typeof value.kind !== 'string' || typeof value.apiVersion !== 'string' || typeof metadata !== 'object')
    return `${name}: it has no kind, apiVersion or metadata`;
  if (metadata.name !== key.name || (metadata.namespace ?? '') !== key.namespace)
    return `${name}: it says to be ${String(metadata.namespace ?? '')}/${String(metadata.name)}`;
  const other = options.faultOf?.(object, value);
  return other === undefined ? undefined : `${name}: ${other}`;
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

interface Last {
  readonly revision: number;
  readonly type: 'put' | 'delete';
}

/** The log's revisions grow, each change is made from the one before, and its last of each object is what is there. */
function checkLog({ database, transaction, revision: newest }: LmdbSnapshot, found: Findings): number {
  const compacted = decodeNumber(database.get(metaKey('compacted'), { transaction }));
  if (compacted > newest) found.add(`the log is compacted up to ${compacted}, and the store is at ${newest}`);
  const last = new Map<string, Last>();
  let events = 0;
  const range = { start: eventKey(0, 0), end: eventKey(Number.MAX_SAFE_INTEGER, 0), transaction };
  for (const { key, value } of database.getRange(range)) {
    events += 1;
    const revision = revisionOfEvent(key);
    // What a compaction that was cut off left is removed by the next one.
    if (revision <= compacted) continue;
    if (revision > newest) found.add(`the log has revision ${revision}, and the store is at ${newest}`);
    const event = tryDecode(revision, value);
    if (event === undefined) {
      found.add(`the change at revision ${revision} cannot be read`);
      continue;
    }
    const text = objectKey(event.key).toString();
    const before = last.get(text);
    const expected = before === undefined ? undefined : before.type === 'put' ? before.revision : 0;
    if (expected !== undefined && event.previousRevision !== expected)
      found.add(
        `${nameOf(event.key)}: revision ${revision} follows ${event.previousRevision}, not ${expected}`,
      );
    last.set(text, { revision, type: event.type });
    if (event.type === 'put') checkNewest({ database, transaction }, { event, found });
  }
  checkObjects({ database, transaction }, { last, compacted, found });
  return events;
}

type Reading = Pick<LmdbSnapshot, 'database' | 'transaction'>;
type Event = ReturnType<typeof decodeEvent>;

/** The object of the same revision has the same bytes. */
function checkNewest(
  { database, transaction }: Reading,
  { event, found }: { readonly event: Event; readonly found: Findings },
): void {
  const value = database.get(objectKey(event.key), { transaction });
  const object = value === undefined ? undefined : decodeObject(value);
  if (object?.revision === event.revision && !object.bytes.equals(event.bytes))
    found.add(`${nameOf(event.key)}: it differs from the change that made it at revision ${event.revision}`);
}

function checkObjects(
  { database, transaction }: Reading,
  log: { readonly last: ReadonlyMap<string, Last>; readonly compacted: number; readonly found: Findings },
): void {
  const { last, compacted, found } = log;
  for (const [key, { revision, type }] of last) {
    const value = database.get(Buffer.from(key), { transaction });
    const there = value === undefined ? 0 : decodeNumber(value);
    const expected = type === 'put' ? revision : 0;
    if (there !== expected)
      found.add(
        `${key.split('\0').slice(2).join('/')}: the log ends at ${expected}, the object is at ${there}`,
      );
  }
  const range = { start: objectKey(FIRST), end: objectKey(LAST), transaction };
  for (const { key, value } of database.getRange(range)) {
    const revision = decodeNumber(value);
    if (revision > compacted && !last.has(key.toString()))
      found.add(
        `${key.toString().split('\0').slice(2).join('/')}: nothing in the log made its revision ${revision}`,
      );
  }
}

const FIRST: StoreKey = { resource: '', namespace: '', name: '' };
const LAST: StoreKey = { resource: '\u{10ffff}', namespace: '', name: '' };

function tryDecode(revision: number, value: Buffer): Event | undefined {
  try {
    const event = decodeEvent(revision, value);
    return event.key.name === '' ? undefined : event;
  } catch {
    return undefined;
  }
}

function nameOf({ resource, namespace, name }: StoreKey): string {
  return [resource, namespace, name].filter((part) => part !== '').join('/');
}
