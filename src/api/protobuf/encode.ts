import protobuf from 'protobufjs/minimal.js';
import { SPECIAL_CODECS } from './special.ts';
import type { Message, WireType } from './table.ts';

type Writer = protobuf.Writer;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;

/** JSON as the message upstream would have sent; members that the message does not have are left out. */
export function encodeMessage(message: Message, value: object): Uint8Array {
  const writer = protobuf.Writer.create();
  writeFields(writer, message, value);
  return writer.finish();
}

function writeFields(writer: Writer, message: Message, value: object): void {
  const json = value as Readonly<Record<string, unknown>>; // Of any JSON object; what a field holds is looked at below.
  for (const field of message.fields) {
    if (field.type.kind === 'inline') {
      tag(writer, field.number, LENGTH_DELIMITED).fork();
      writeFields(writer, field.type.message, value);
      writer.ldelim();
    } else if (json[field.json] !== undefined && json[field.json] !== null) {
      writeField(writer, { number: field.number, type: field.type, message }, json[field.json]);
    }
  }
}

interface Spot {
  readonly number: number;
  readonly type: WireType;
  /** The message whose field this is. */
  readonly message: Message;
}

function writeField(writer: Writer, spot: Spot, value: unknown): void {
  const { number, type } = spot;
  switch (type.kind) {
    case 'list':
      for (const item of value as readonly unknown[]) writeField(writer, { ...spot, type: type.items }, item);
      return;
    case 'map':
      for (const [key, item] of Object.entries(value as object)) {
        tag(writer, number, LENGTH_DELIMITED).fork();
        tag(writer, 1, LENGTH_DELIMITED).string(key);
        writeField(writer, { ...spot, number: 2, type: type.values }, item);
        writer.ldelim();
      }
      return;
    case 'wrapped-list':
      tag(writer, number, LENGTH_DELIMITED).fork();
      writeField(writer, { ...spot, number: 1, type: type.list }, value);
      writer.ldelim();
      return;
    case 'message':
    case 'inline':
      tag(writer, number, LENGTH_DELIMITED).fork();
      writeMessage(writer, type.message, { value, parent: spot.message });
      writer.ldelim();
      return;
    default:
      writeScalar(writer, spot, value);
  }
}

function writeMessage(
  writer: Writer,
  message: Message,
  { value, parent }: { value: unknown; parent: Message },
): void {
  if (value === null) return; // A time that is not set, as the value of a map.
  const special = SPECIAL_CODECS[message.name];
  if (special === undefined) {
    writeFields(writer, message, value as object);
    return;
  }
  // The JSONSchemaPropsOr… messages hold the very message that holds them.
  special.encode(writer, value, (inner, schema) => {
    inner.fork();
    writeFields(inner, parent, schema as object);
    inner.ldelim();
  });
}

function writeScalar(writer: Writer, { number, type }: Spot, value: unknown): void {
  if (type.kind === 'string') tag(writer, number, LENGTH_DELIMITED).string(String(value));
  else if (type.kind === 'bytes')
    tag(writer, number, LENGTH_DELIMITED).bytes(Buffer.from(String(value), 'base64'));
  else if (type.kind === 'bool') tag(writer, number, VARINT).bool(value === true);
  else if (type.kind === 'double') tag(writer, number, FIXED64).double(Number(value));
  else tag(writer, number, VARINT).int64(Number(value));
}

function tag(writer: Writer, number: number, wireType: number): Writer {
  return writer.uint32((number << 3) | wireType);
}
