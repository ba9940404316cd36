import type { StoreEvent, StoreKey } from './store.ts';

/**
 * How the store lies in ordered keys, the same in LMDB and etcd (which keeps history itself, and so needs no events of
 * ours, nor a revision in front of an object). All begin with the segment of a logical cluster, of
 * which there is one so far:
 *
 *     m <name>                                        format, compacted revision
 *     o <resource> 0 <namespace> 0 <name>             revision (8 bytes), object
 *     r <revision (8 bytes)> <index (4 bytes)>        event
 *
 * Old revisions are keys of our own, so that no long-lived reader keeps LMDB from using its free pages again.
 */
export const FORMAT = 1;

const CLUSTER = 'default';
const REVISION_BYTES = 8;
const NOTHING = 0xffff_ffff;

/** The last four are etcd's: whose turn it is to compact, where a feed begins, what is added to its revisions, half loaded. */
export type MetaName = 'format' | 'compacted' | 'revision' | 'compactor' | 'anchor' | 'base' | 'loading';

export function metaKey(name: MetaName): Buffer {
  return Buffer.from(`${CLUSTER}\0m\0${name}`);
}

/** Where everything of the store begins (inclusive) and ends (exclusive). */
export function wholeRange(): { readonly start: Buffer; readonly end: Buffer } {
  return { start: Buffer.from(`${CLUSTER}\0`), end: Buffer.from(`${CLUSTER}\x01`) };
}

/** Where the objects of all resources begin and end. */
export function allObjectsRange(): { readonly start: Buffer; readonly end: Buffer } {
  return { start: Buffer.from(`${CLUSTER}\0o\0`), end: Buffer.from(`${CLUSTER}\0o\x01`) };
}

export function isObjectKey(key: Buffer): boolean {
  const { start, end } = allObjectsRange();
  return key.compare(start) >= 0 && key.compare(end) < 0;
}

export function objectKey({ resource, namespace, name }: StoreKey): Buffer {
  return Buffer.from(`${CLUSTER}\0o\0${resource}\0${namespace}\0${name}`);
}

/** Where the objects of a range begin (inclusive) and end (exclusive). */
export function objectRange(range: {
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly after?: { readonly namespace: string; readonly name: string };
}): { readonly start: Buffer; readonly end: Buffer } {
  const { resource, namespace, name, after } = range;
  if (name !== undefined && namespace !== undefined && after === undefined) {
    const start = objectKey({ resource, namespace, name });
    return { start, end: Buffer.concat([start, Buffer.of(0)]) };
  }
  const scope = range.namespace === undefined ? '' : `${range.namespace}\0`;
  const prefix = `${CLUSTER}\0o\0${range.resource}\0${scope}`;
  const end = Buffer.from(`${prefix.slice(0, -1)}\x01`);
  const start =
    range.after === undefined
      ? Buffer.from(prefix)
      : Buffer.concat([objectKey({ resource: range.resource, ...range.after }), Buffer.of(0)]);
  return { start, end };
}

export function keyOfObject(key: Buffer): StoreKey {
  const [, , resource = '', namespace = '', name = ''] = key.toString('utf8').split('\0');
  return { resource, namespace, name };
}

export function eventKey(revision: number, index: number): Buffer {
  const prefix = Buffer.from(`${CLUSTER}\0r\0`);
  const key = Buffer.alloc(prefix.length + REVISION_BYTES + 4);
  prefix.copy(key);
  key.writeBigUInt64BE(BigInt(revision), prefix.length);
  key.writeUInt32BE(index, prefix.length + REVISION_BYTES);
  return key;
}

export function revisionOfEvent(key: Buffer): number {
  return Number(key.readBigUInt64BE(key.length - REVISION_BYTES - 4));
}

export function encodeNumber(value: number): Buffer {
  const bytes = Buffer.alloc(REVISION_BYTES);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export function decodeNumber(bytes: Buffer | undefined): number {
  return bytes === undefined ? 0 : Number(bytes.readBigUInt64BE(0));
}

export function encodeObject(revision: number, bytes: Buffer): Buffer {
  return Buffer.concat([encodeNumber(revision), bytes]);
}

export function decodeObject(value: Buffer): { readonly revision: number; readonly bytes: Buffer } {
  return { revision: decodeNumber(value), bytes: value.subarray(REVISION_BYTES) };
}

/** `type (1) · key length (4) · previous length (4, all ones for none) · previous revision (8) · key · previous · bytes` */
export function encodeEvent(event: StoreEvent & { readonly previousRevision: number }): Buffer {
  const key = objectKey(event.key);
  const head = Buffer.alloc(17);
  head.writeUInt8(event.type === 'put' ? 0 : 1, 0);
  head.writeUInt32BE(key.length, 1);
  head.writeUInt32BE(event.previous?.length ?? NOTHING, 5);
  head.writeBigUInt64BE(BigInt(event.previousRevision), 9);
  // A delete's bytes are the previous ones: they stand there once.
  return Buffer.concat([
    head,
    key,
    event.previous ?? Buffer.alloc(0),
    event.type === 'put' ? event.bytes : Buffer.alloc(0),
  ]);
}

export function decodeEvent(
  revision: number,
  value: Buffer,
): StoreEvent & { readonly previousRevision: number } {
  const keyLength = value.readUInt32BE(1);
  const previousLength = value.readUInt32BE(5);
  const previousRevision = Number(value.readBigUInt64BE(9));
  const key = keyOfObject(value.subarray(17, 17 + keyLength));
  const from = 17 + keyLength;
  const to = previousLength === NOTHING ? from : from + previousLength;
  const previous = previousLength === NOTHING ? {} : { previous: value.subarray(from, to) };
  if (value.readUInt8(0) === 1)
    return { type: 'delete', key, revision, previousRevision, bytes: value.subarray(from, to), ...previous };
  return { type: 'put', key, revision, previousRevision, bytes: value.subarray(to), ...previous };
}
