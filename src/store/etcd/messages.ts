import { eachField, encodeFields, type WireField } from './wire.ts';

/**
 * etcd's API version 3, as much of it as the store uses; names and numbers are etcd's.
 * https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/
 */
export interface RangeRequest {
  readonly key: Buffer;
  /** Left out: only `key`. */
  readonly rangeEnd?: Buffer;
  readonly limit?: number;
  readonly revision?: number;
  readonly keysOnly?: boolean;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly modRevision: number;
  readonly version: number;
}

export interface RangeResponse {
  /** Of the whole etcd, when it answered. */
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

/** `mod`: equals the key's revision of its last change, 0 for none. `version`: how often it was written since it was made. */
export interface Compare {
  readonly key: Buffer;
  readonly target: 'mod' | 'version';
  readonly value: number;
}

export type Operation =
  | { readonly put: Buffer; readonly value: Buffer }
  | { readonly delete: Buffer; readonly rangeEnd?: Buffer }
  | { readonly range: RangeRequest };

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export interface TxnResponse {
  readonly revision: number;
  readonly succeeded: boolean;
  /** What each range of the branch taken found; empty for other operations. */
  readonly responses: readonly (readonly KeyValue[])[];
}

export interface WatchRequest {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
  readonly startRevision: number;
}

export interface WatchResponse {
  readonly events: readonly EtcdEvent[];
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not 0: the start was compacted away. */
  readonly compactRevision: number;
  readonly reason: string;
}

export interface EtcdEvent {
  readonly type: 'put' | 'delete';
  readonly kv: KeyValue;
  readonly previous?: KeyValue;
}

export function encodeRange(request: RangeRequest): Buffer {
  return encodeFields([
    [1, request.key],
    [2, request.rangeEnd],
    [3, request.limit],
    [4, request.revision],
    [8, request.keysOnly],
  ]);
}

export function encodeTxn({ compare, success, failure }: TxnRequest): Buffer {
  return encodeFields([
    ...compare.map((one): WireField => [1, encodeCompare(one)]),
    ...success.map((one): WireField => [2, encodeOperation(one)]),
    ...failure.map((one): WireField => [3, encodeOperation(one)]),
  ]);
}

function encodeCompare({ key, target, value }: Compare): Buffer {
  const message = encodeFields([
    [2, target === 'mod' ? 2 : 0],
    [3, key],
    [target === 'mod' ? 6 : 4, value],
  ]);
  // A zero must be there: left out, there would be nothing to compare with.
  return value === 0 ? Buffer.concat([message, Buffer.of(target === 'mod' ? 0x30 : 0x20, 0)]) : message;
}

function encodeOperation(operation: Operation): Buffer {
  if ('range' in operation) return encodeFields([[1, encodeRange(operation.range)]]);
  if ('put' in operation)
    return encodeFields([
      [
        2,
        encodeFields([
          [1, operation.put],
          [2, operation.value],
        ]),
      ],
    ]);
  return encodeFields([
    [
      3,
      encodeFields([
        [1, operation.delete],
        [2, operation.rangeEnd],
      ]),
    ],
  ]);
}

export function encodeCompaction({ revision }: { readonly revision: number }): Buffer {
  return encodeFields([
    [1, revision],
    [2, true],
  ]);
}

export function encodeWatch({ key, rangeEnd, startRevision }: WatchRequest): Buffer {
  const create = encodeFields([
    [1, key],
    [2, rangeEnd],
    [3, startRevision],
    [6, true],
  ]);
  return encodeFields([[1, create]]);
}

export function decodeRange(message: Buffer): RangeResponse {
  const kvs: KeyValue[] = [];
  const answer = { revision: 0, kvs, more: false, count: 0 };
  eachField(message, (field, { number, bytes }) => {
    if (field === 1) answer.revision = decodeHeader(bytes);
    else if (field === 2) kvs.push(decodeKeyValue(bytes));
    else if (field === 3) answer.more = number !== 0;
    else if (field === 4) answer.count = number;
  });
  return answer;
}

export function decodeTxn(message: Buffer): TxnResponse {
  const responses: (readonly KeyValue[])[] = [];
  const answer = { revision: 0, succeeded: false, responses };
  eachField(message, (field, { number, bytes }) => {
    if (field === 1) answer.revision = decodeHeader(bytes);
    else if (field === 2) answer.succeeded = number !== 0;
    else if (field === 3) responses.push(decodeOperation(bytes));
  });
  return answer;
}

function decodeOperation(message: Buffer): readonly KeyValue[] {
  let found: readonly KeyValue[] = [];
  eachField(message, (field, { bytes }) => {
    if (field === 1) found = decodeRange(bytes).kvs;
  });
  return found;
}

export function decodeWatch(message: Buffer): WatchResponse {
  const events: EtcdEvent[] = [];
  const answer = { events, created: false, canceled: false, compactRevision: 0, reason: '' };
  eachField(message, (field, { number, bytes }) => {
    if (field === 3) answer.created = number !== 0;
    else if (field === 4) answer.canceled = number !== 0;
    else if (field === 5) answer.compactRevision = number;
    else if (field === 6) answer.reason = bytes.toString('utf8');
    else if (field === 11) events.push(decodeEvent(bytes));
  });
  return answer;
}

function decodeEvent(message: Buffer): EtcdEvent {
  let type: EtcdEvent['type'] = 'put';
  let kv = NO_VALUE;
  let previous: KeyValue | undefined;
  eachField(message, (field, { number, bytes }) => {
    if (field === 1) type = number === 0 ? 'put' : 'delete';
    else if (field === 2) kv = decodeKeyValue(bytes);
    else if (field === 3) previous = decodeKeyValue(bytes);
  });
  return { type, kv, ...(previous === undefined ? {} : { previous }) };
}

const NO_VALUE: KeyValue = { key: Buffer.alloc(0), value: Buffer.alloc(0), modRevision: 0, version: 0 };

function decodeKeyValue(message: Buffer): KeyValue {
  const kv = { ...NO_VALUE };
  eachField(message, (field, { number, bytes }) => {
    if (field === 1) kv.key = bytes;
    else if (field === 3) kv.modRevision = number;
    else if (field === 4) kv.version = number;
    else if (field === 5) kv.value = bytes;
  });
  return kv;
}

/** `3.4.23` */
export function decodeVersion(message: Buffer): string {
  let version = '';
  eachField(message, (field, { bytes }) => {
    if (field === 2) version = bytes.toString('utf8');
  });
  return version;
}

function decodeHeader(message: Buffer): number {
  let revision = 0;
  eachField(message, (field, { number }) => {
    if (field === 3) revision = number;
  });
  return revision;
}
