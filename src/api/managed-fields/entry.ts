import { isJsonObject } from '../json.ts';
import { type FieldSet, parseFieldSet } from './field-set.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/, `managedFields`. */
export interface Entry {
  readonly manager?: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly time?: string;
  readonly fieldsType: 'FieldsV1';
  readonly fieldsV1: FieldSet;
  readonly subresource?: string;
}

/** Who writes, how, and in which version of the kind. */
export interface Writer {
  readonly manager: string;
  readonly operation: Entry['operation'];
  readonly apiVersion: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** RFC 3339. */
  readonly now: string;
}

/** One that applies is the same in all versions of a kind; one that updates has an entry in each. */
export function isSameManager(entry: Entry, writer: Omit<Writer, 'now'>): boolean {
  return (
    entry.operation === writer.operation &&
    (entry.manager ?? '') === writer.manager &&
    (entry.subresource ?? '') === writer.subresource &&
    (entry.operation === 'Apply' || entry.apiVersion === writer.apiVersion)
  );
}

/** An entry with its members in upstream's order. */
export function makeEntry(writer: Omit<Writer, 'now'>, fieldsV1: FieldSet, time: string | undefined): Entry {
  const { manager, operation, apiVersion, subresource } = writer;
  return {
    ...(manager === '' ? {} : { manager }),
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource === '' ? {} : { subresource }),
  };
}

export function withFields(entry: Entry, fieldsV1: FieldSet): Entry {
  return { ...entry, fieldsV1 };
}

/** The entries of a stored object: what this server wrote. */
export function storedEntries(object: {
  readonly metadata: { readonly managedFields?: unknown[] };
}): readonly Entry[] {
  return (object.metadata.managedFields ?? []) as Entry[]; // Only makeEntry and parseEntries make them.
}

/** Entries that a client sent; undefined when any of them is wrong, and then none counts. */
export function parseEntries(value: unknown): Entry[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const entries: Entry[] = [];
  for (const item of value) {
    const entry = parseEntry(item);
    if (entry === undefined) return undefined;
    const at = entries.findIndex((known) => isSameManager(known, asWriter(entry)));
    if (at < 0) entries.push(entry);
    else entries[at] = entry; // The last of the same counts, as upstream.
  }
  return entries;
}

export function asWriter({
  manager = '',
  operation,
  apiVersion,
  subresource = '',
}: Entry): Omit<Writer, 'now'> {
  return { manager, operation, apiVersion, subresource };
}

function parseEntry(value: unknown): Entry | undefined {
  if (!isJsonObject(value)) return undefined;
  const { operation, apiVersion, fieldsType, manager = '', subresource = '', time } = value;
  if (operation !== 'Apply' && operation !== 'Update') return undefined;
  if (typeof apiVersion !== 'string' || apiVersion === '' || fieldsType !== 'FieldsV1') return undefined;
  if (typeof manager !== 'string' || typeof subresource !== 'string') return undefined;
  const fields = value.fieldsV1 === undefined ? {} : parseFieldSet(value.fieldsV1);
  if (fields === undefined) return undefined;
  const writer = { manager, operation, apiVersion, subresource } as const;
  return makeEntry(writer, fields, typeof time === 'string' ? time : undefined);
}

/** Whether a client asks to forget all owners: an empty list, or one empty entry. */
export function isReset(value: unknown): boolean {
  if (!Array.isArray(value) || value.length > 1) return false;
  return value.length === 0 || (isJsonObject(value[0]) && Object.keys(value[0]).length === 0);
}

/** Those who apply first, then by time and name: the order upstream writes them in. Not changed where it is so already. */
export function inOrder(entries: readonly Entry[]): readonly Entry[] {
  const isSorted = entries.every((entry, index) => {
    const before = entries[index - 1];
    return before === undefined || byOrder(before, entry) <= 0;
  });
  return isSorted ? entries : [...entries].sort(byOrder);
}

function byOrder(a: Entry, b: Entry): number {
  return (
    byText(a.operation, b.operation) ||
    byText(a.time ?? '', b.time ?? '') ||
    byText(a.manager ?? '', b.manager ?? '') ||
    byText(a.apiVersion, b.apiVersion) ||
    byText(a.subresource ?? '', b.subresource ?? '')
  );
}

export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
