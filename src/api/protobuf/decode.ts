import protobuf from 'protobufjs/minimal.js';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { eachField, SPECIAL_CODECS } from './special.ts';
import type { Message, WireField, WireType } from './table.ts';

type Reader = protobuf.Reader;
type JsonObject = Record<string, unknown>;

const LENGTH_DELIMITED = 2;

/** A message as the JSON upstream would have sent for it. @throws BadRequest for what is no such message. */
export function decodeMessage(message: Message, bytes: Uint8Array): JsonObject {
  try {
    const reader = protobuf.Reader.create(bytes);
    return readObject(reader, reader.len, { message, depth: 0 });
  } catch (error) {
    if (error instanceof AmphoraError) throw error;
    throw new AmphoraError('BadRequest', `the body is no protobuf ${message.name}: ${String(error)}`, {
      cause: error,
    });
  }
}

/** The message that is being read, and how deep it stands. */
interface Place {
  readonly message: Message;
  readonly depth: number;
}

function readObject(reader: Reader, end: number, place: Place): JsonObject {
  const into: JsonObject = {};
  readFields(reader, end, { ...place, into });
  return into;
}

function readFields(reader: Reader, end: number, place: Place & { readonly into: JsonObject }): void {
  if (place.depth > LIMITS.nesting)
    throw new AmphoraError('BadRequest', `protobuf nested deeper than ${LIMITS.nesting}`);
  if (end > reader.len)
    throw new AmphoraError('BadRequest', `protobuf: ${place.message.name} runs past the end of the body`);
  eachField(reader, end, (number, wireType) => {
    const field = place.message.byNumber.get(number);
    if (field === undefined) return false;
    readField(reader, wireType, { ...place, field });
    return true;
  });
}

interface FieldPlace extends Place {
  readonly field: WireField;
  readonly into: JsonObject;
}

function readField(reader: Reader, wireType: number, place: FieldPlace): void {
  const { field, into, depth } = place;
  const { type, json } = field;
  if (type.kind === 'inline') {
    readFields(reader, reader.uint32() + reader.pos, { message: type.message, into, depth: depth + 1 });
  } else if (type.kind === 'list') {
    const list = listAt(into, json);
    if (wireType === LENGTH_DELIMITED && isPackable(type.items))
      readPacked(reader, list, { ...place, type: type.items });
    else list.push(readValue(reader, type.items, place));
  } else if (type.kind === 'map') {
    const [key, value] = readEntry(reader, type.values, place);
    define(objectAt(into, json), key, value);
  } else {
    const value = readValue(reader, type, place);
    if (value !== undefined && (field.keepZero || !isZero(value))) into[json] = value;
  }
}

function readValue(reader: Reader, type: WireType, place: Place): unknown {
  switch (type.kind) {
    case 'string':
      return reader.string();
    case 'bool':
      return reader.bool();
    case 'integer':
      return Number(reader.int64());
    case 'double':
      return reader.double();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'message':
    case 'inline':
      return readMessage(reader, type.message, place);
    case 'wrapped-list':
      return readWrapped(reader, type.list, place);
    default:
      throw new AmphoraError('BadRequest', `protobuf: a ${type.kind} can't stand here`);
  }
}

function readMessage(reader: Reader, message: Message, parent: Place): unknown {
  const end = reader.uint32() + reader.pos;
  const depth = parent.depth + 1;
  const special = SPECIAL_CODECS[message.name];
  if (special === undefined) return readObject(reader, end, { message, depth });
  // The JSONSchemaPropsOr… messages hold the very message that holds them.
  return special.decode(reader, end, (inner, stop) =>
    readObject(inner, stop, { message: parent.message, depth }),
  );
}

function readWrapped(reader: Reader, list: WireType, place: Place): unknown[] {
  const items: unknown[] = [];
  eachField(reader, reader.uint32() + reader.pos, (number) => {
    if (number === 1) items.push(readValue(reader, list.kind === 'list' ? list.items : list, place));
    return number === 1;
  });
  return items;
}

function readEntry(reader: Reader, values: WireType, place: Place): [string, unknown] {
  let key = '';
  let value: unknown;
  eachField(reader, reader.uint32() + reader.pos, (number) => {
    if (number === 1) key = reader.string();
    else if (number === 2) value = readValue(reader, values, place);
    return number === 1 || number === 2;
  });
  // A value that is not set is a scalar's zero, which upstream leaves out, or a time that is null in JSON.
  return [key, value ?? (values.kind === 'message' ? null : '')];
}

function isPackable(type: WireType): boolean {
  return type.kind === 'integer' || type.kind === 'bool' || type.kind === 'double';
}

function readPacked(reader: Reader, list: unknown[], place: Place & { readonly type: WireType }): void {
  const end = reader.uint32() + reader.pos;
  while (reader.pos < end) list.push(readValue(reader, place.type, place));
}

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === '' || value === 0 || value === false;
}

function listAt(into: JsonObject, name: string): unknown[] {
  const there = into[name];
  if (Array.isArray(there)) return there;
  const made: unknown[] = [];
  into[name] = made;
  return made;
}

function objectAt(into: JsonObject, name: string): JsonObject {
  const there = into[name];
  if (typeof there === 'object' && there !== null) return there as JsonObject; // Made by this very function.
  const made: JsonObject = {};
  into[name] = made;
  return made;
}

/** Sets a key that strangers chose: `__proto__` becomes a key like any other. */
function define(target: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
