import type protobuf from 'protobufjs/minimal.js';
import { AmphoraError } from '../../lib/errors.ts';

type Reader = protobuf.Reader;
type Writer = protobuf.Writer;

/** Reads the schema that a special message holds. */
export type DecodeNested = (reader: Reader, end: number) => unknown;
/** Writes it, its length first. */
export type EncodeNested = (writer: Writer, value: unknown) => void;

/** A message whose JSON is not the object that its fields spell. `undefined` from decode: not set. */
export interface SpecialCodec {
  decode(reader: Reader, end: number, nested: DecodeNested): unknown;
  encode(writer: Writer, value: unknown, nested: EncodeNested): void;
}

const META = 'apimachinery.pkg.apis.meta.v1';
const EXTENSIONS = 'apiextensions-apiserver.pkg.apis.apiextensions.v1';

/** By message name, as in the facts. */
export const SPECIAL_CODECS: Readonly<Record<string, SpecialCodec>> = {
  [`${META}.Time`]: timeCodec(false),
  [`${META}.MicroTime`]: timeCodec(true),
  [`${META}.FieldsV1`]: rawJson(),
  'apimachinery.pkg.runtime.RawExtension': rawJson(),
  [`${EXTENSIONS}.JSON`]: rawJson(),
  'apimachinery.pkg.api.resource.Quantity': quantityCodec(),
  'apimachinery.pkg.util.intstr.IntOrString': intOrStringCodec(),
  [`${EXTENSIONS}.JSONSchemaPropsOrBool`]: schemaOrBool(),
  [`${EXTENSIONS}.JSONSchemaPropsOrArray`]: schemaOr('schemas'),
  [`${EXTENSIONS}.JSONSchemaPropsOrStringArray`]: schemaOr('strings'),
};

/** Calls `field` for each field up to `end`, skipping those it does not take. */
export function eachField(
  reader: Reader,
  end: number,
  field: (number: number, wireType: number) => boolean,
): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!field(tag >>> 3, tag & 7)) reader.skipType(tag & 7);
  }
  if (reader.pos !== end)
    throw new AmphoraError('BadRequest', `protobuf: a field runs past its message (byte ${reader.pos})`);
}

/** `{seconds = 1, nanos = 2}` ↔ RFC 3339; the zero time is not set. */
function timeCodec(micro: boolean): SpecialCodec {
  return {
    decode(reader, end) {
      let seconds = 0;
      let nanos = 0;
      let set = false;
      eachField(reader, end, (number) => {
        set = true;
        if (number === 1) seconds = Number(reader.int64());
        else if (number === 2) nanos = reader.int32();
        return number === 1 || number === 2;
      });
      if (!set) return undefined;
      const text = new Date(seconds * 1000).toISOString().slice(0, 19);
      return micro ? `${text}.${String(Math.trunc(nanos / 1000)).padStart(6, '0')}Z` : `${text}Z`;
    },
    encode(writer, value) {
      const text = String(value);
      const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
      writer.uint32((1 << 3) | 0).int64(Math.floor(Date.parse(text) / 1000));
      writer.uint32((2 << 3) | 0).int32(micro ? Number(fraction.slice(0, 6).padEnd(6, '0')) * 1000 : 0);
    },
  };
}

function rawJson(): SpecialCodec {
  return {
    decode(reader, end) {
      let value: unknown;
      eachField(reader, end, (number) => {
        if (number !== 1) return false;
        const text = Buffer.from(reader.bytes()).toString('utf8');
        value = text === '' ? undefined : JSON.parse(text);
        return true;
      });
      return value;
    },
    encode: (writer, value) => {
      writer.uint32((1 << 3) | 2).bytes(Buffer.from(JSON.stringify(value)));
    },
  };
}

/** `{string = 1}` */
function quantityCodec(): SpecialCodec {
  return {
    decode(reader, end) {
      let text: string | undefined;
      eachField(reader, end, (number) => {
        if (number === 1) text = reader.string();
        return number === 1;
      });
      return text;
    },
    encode: (writer, value) => {
      writer.uint32((1 << 3) | 2).string(String(value));
    },
  };
}

/** `{type = 1 (0 integer, 1 string), intVal = 2, strVal = 3}` */
function intOrStringCodec(): SpecialCodec {
  return {
    decode(reader, end) {
      let type = 0;
      let integer = 0;
      let text = '';
      eachField(reader, end, (number) => {
        if (number === 1) type = Number(reader.int64());
        else if (number === 2) integer = reader.int32();
        else if (number === 3) text = reader.string();
        return number >= 1 && number <= 3;
      });
      return type === 1 ? text : integer;
    },
    encode(writer, value) {
      const isText = typeof value === 'string';
      writer.uint32((1 << 3) | 0).int64(isText ? 1 : 0);
      writer.uint32((2 << 3) | 0).int32(isText ? 0 : Number(value));
      writer.uint32((3 << 3) | 2).string(isText ? value : '');
    },
  };
}

/** `{allows = 1, schema = 2}` */
function schemaOrBool(): SpecialCodec {
  return {
    decode(reader, end, nested) {
      let allows = false;
      let schema: unknown;
      eachField(reader, end, (number) => {
        if (number === 1) allows = reader.bool();
        else if (number === 2) schema = nested(reader, reader.uint32() + reader.pos);
        return number === 1 || number === 2;
      });
      return schema ?? allows;
    },
    encode(writer, value, nested) {
      writer.uint32((1 << 3) | 0).bool(value !== false);
      if (typeof value !== 'boolean') nested(writer.uint32((2 << 3) | 2), value);
    },
  };
}

/** `{schema = 1, repeated … = 2}` */
function schemaOr(others: 'schemas' | 'strings'): SpecialCodec {
  return {
    decode(reader, end, nested) {
      let schema: unknown;
      const list: unknown[] = [];
      eachField(reader, end, (number) => {
        if (number === 1) schema = nested(reader, reader.uint32() + reader.pos);
        else if (number === 2) {
          list.push(others === 'strings' ? reader.string() : nested(reader, reader.uint32() + reader.pos));
        }
        return number === 1 || number === 2;
      });
      return schema ?? list;
    },
    encode(writer, value, nested) {
      if (!Array.isArray(value)) nested(writer.uint32((1 << 3) | 2), value);
      else if (others === 'schemas') for (const one of value) nested(writer.uint32((2 << 3) | 2), one);
      else for (const one of value) writer.uint32((2 << 3) | 2).string(String(one));
    },
  };
}
