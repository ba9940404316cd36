/**
 * Protocol buffers, as much as etcd's messages need: https://protobuf.dev/programming-guides/encoding/
 * Numbers are read as JavaScript's: revisions are safe integers. Bytes are views of the message, not copies.
 */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** A field's number and what it holds; a zero, an empty text or `undefined` is left out, as proto3 does. */
export type WireField = readonly [number, number | boolean | Buffer | undefined];

export function encodeFields(fields: readonly WireField[]): Buffer {
  return Buffer.concat(fields.flatMap(encodeField));
}

function encodeField([number, value]: WireField): Buffer[] {
  if (value === undefined || value === false || value === 0) return [];
  if (typeof value === 'object')
    return [encodeVarints((number << 3) | LENGTH_DELIMITED, value.length), value];
  return [encodeVarints((number << 3) | VARINT, Number(value))];
}

/** Two's complement of negative numbers is not needed: etcd is asked with none. */
function encodeVarints(...values: readonly number[]): Buffer {
  const bytes: number[] = [];
  for (let value of values) {
    // By division: a shift would cut a revision to 32 bits.
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
    bytes.push(value);
  }
  return Buffer.from(bytes);
}

/** One field of a message: a number, or the bytes of a text or an inner message. */
export type Take = (field: number, value: { readonly number: number; readonly bytes: Buffer }) => void;

const NONE = Buffer.alloc(0);

/** Hands out each field in order. @throws RangeError for what is cut off. */
export function eachField(message: Buffer, take: Take): void {
  const reader = new Reader(message);
  while (!reader.atEnd()) {
    const tag = reader.varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case VARINT:
        take(field, { number: reader.varint(), bytes: NONE });
        break;
      case LENGTH_DELIMITED:
        take(field, { number: 0, bytes: reader.bytes(reader.varint()) });
        break;
      case FIXED64:
        reader.bytes(8);
        break;
      case FIXED32:
        reader.bytes(4);
        break;
      default:
        throw new RangeError(`wire type ${tag % 8} is unknown`);
    }
  }
}

class Reader {
  readonly #message: Buffer;
  #at = 0;

  constructor(message: Buffer) {
    this.#message = message;
  }

  atEnd(): boolean {
    return this.#at >= this.#message.length;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#message[this.#at++];
      if (byte === undefined || factor > 2 ** 63) throw new RangeError('the message is cut off');
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  bytes(length: number): Buffer {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#message.length) throw new RangeError('the message is cut off');
    return this.#message.subarray(from, this.#at);
  }
}
