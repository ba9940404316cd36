import protobuf from 'protobufjs/minimal.js';
import { isJsonObject, type JsonObject } from './json.ts';

type Writer = protobuf.Writer;
/** Writes a value as a field of a message. */
type Field = (writer: Writer, number: number, value: unknown) => void;
/** Members of a JSON object, by the number and the sort of their field. */
type Message = Readonly<Record<string, readonly [number: number, field: Field]>>;

/**
 * An OpenAPI 2.0 document as the message `openapi.v2.Document` that kubectl asks for, field by field as
 * https://github.com/google/gnostic-models/blob/main/openapiv2/OpenAPIv2.proto numbers them. Extensions are YAML there,
 * which JSON is.
 */
export function encodeOpenApiV2(document: JsonObject): Uint8Array {
  const writer = protobuf.Writer.create();
  members(writer, document, DOCUMENT, 16);
  return writer.finish();
}

const text: Field = (writer, number, value) => void writer.uint32((number << 3) | 2).string(String(value));
const texts: Field = (writer, number, value) => {
  for (const one of list(value)) text(writer, number, one);
};
const flag: Field = (writer, number, value) => void writer.uint32(number << 3).bool(value === true);
const whole: Field = (writer, number, value) => void writer.uint32(number << 3).int64(Number(value));
const real: Field = (writer, number, value) => void writer.uint32((number << 3) | 1).double(Number(value));
const any: Field = (writer, number, value) =>
  within(writer, number, () => text(writer, 2, `${JSON.stringify(value)}\n`));

function message(fields: () => Message, extensions: number): Field {
  return (writer, number, value) => {
    if (isJsonObject(value)) within(writer, number, () => members(writer, value, fields(), extensions));
  };
}

/** A wrapper of one field, of which the format has many. */
function wrapped(inner: Field, ...numbers: readonly number[]): Field {
  return numbers.reduceRight<Field>(
    (field, wrapper) => (writer, number, value) =>
      within(writer, number, () => field(writer, wrapper, value)),
    inner,
  );
}

function each(field: Field): Field {
  return (writer, number, value) => {
    for (const one of list(value)) field(writer, number, one);
  };
}

/** A map: messages of a name and a value. */
function named(value: Field): Field {
  return (writer, number, map) => {
    if (!isJsonObject(map)) return;
    for (const [name, one] of Object.entries(map))
      within(writer, number, () => {
        text(writer, 1, name);
        value(writer, 2, one);
      });
  };
}

const schema = message(() => SCHEMA, 31);
const SCHEMA: Message = {
  $ref: [1, text],
  format: [2, text],
  title: [3, text],
  description: [4, text],
  default: [5, any],
  multipleOf: [6, real],
  maximum: [7, real],
  exclusiveMaximum: [8, flag],
  minimum: [9, real],
  exclusiveMinimum: [10, flag],
  maxLength: [11, whole],
  minLength: [12, whole],
  pattern: [13, text],
  maxItems: [14, whole],
  minItems: [15, whole],
  uniqueItems: [16, flag],
  maxProperties: [17, whole],
  minProperties: [18, whole],
  required: [19, texts],
  enum: [20, each(any)],
  additionalProperties: [21, additional],
  type: [22, wrapped(text, 1)],
  items: [23, wrapped(schema, 1)],
  allOf: [24, each(schema)],
  properties: [25, wrapped(named(schema), 1)],
};

function additional(writer: Writer, number: number, value: unknown): void {
  within(writer, number, () =>
    typeof value === 'boolean' ? flag(writer, 2, value) : schema(writer, 1, value),
  );
}

const BODY: Message = {
  description: [1, text],
  name: [2, text],
  in: [3, text],
  required: [4, flag],
  schema: [5, schema],
};
const QUERY: Message = {
  required: [1, flag],
  in: [2, text],
  description: [3, text],
  name: [4, text],
  type: [6, text],
  format: [7, text],
};
const PATH: Message = {
  required: [1, flag],
  in: [2, text],
  description: [3, text],
  name: [4, text],
  type: [5, text],
  format: [6, text],
};

const parameter: Field = (writer, number, value) => {
  const place = isJsonObject(value) ? value.in : '';
  if (place === 'body')
    wrapped(
      message(() => BODY, 6),
      1,
      1,
    )(writer, number, value);
  else if (place === 'query')
    wrapped(
      message(() => QUERY, 23),
      1,
      2,
      3,
    )(writer, number, value);
  else
    wrapped(
      message(() => PATH, 22),
      1,
      2,
      4,
    )(writer, number, value);
};

const RESPONSE: Message = { description: [1, text], schema: [2, wrapped(schema, 1)] };
const OPERATION: Message = {
  produces: [6, texts],
  consumes: [7, texts],
  parameters: [8, each(parameter)],
  responses: [
    9,
    wrapped(
      named(
        wrapped(
          message(() => RESPONSE, 5),
          1,
        ),
      ),
      1,
    ),
  ],
};
const operation = message(() => OPERATION, 13);
const PATH_ITEM: Message = {
  get: [2, operation],
  put: [3, operation],
  post: [4, operation],
  delete: [5, operation],
  patch: [8, operation],
  parameters: [9, each(parameter)],
};
const INFO: Message = { title: [1, text], version: [2, text] };
const DOCUMENT: Message = {
  swagger: [1, text],
  info: [2, message(() => INFO, 7)],
  paths: [8, wrapped(named(message(() => PATH_ITEM, 10)), 2)],
  definitions: [9, wrapped(named(schema), 1)],
};

function members(writer: Writer, value: JsonObject, fields: Message, extensions: number): void {
  for (const [name, one] of Object.entries(value)) {
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (known !== undefined) known[1](writer, known[0], one);
    else if (name.startsWith('x-'))
      within(writer, extensions, () => {
        text(writer, 1, name);
        any(writer, 2, one);
      });
  }
}

function within(writer: Writer, number: number, write: () => void): void {
  writer.uint32((number << 3) | 2).fork();
  write();
  writer.ldelim();
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
