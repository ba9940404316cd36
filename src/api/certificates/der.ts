import { AmphoraError } from '../../lib/errors.ts';

/** One element of DER (ITU-T X.690), a view into the bytes that were given. */
export interface DerElement {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number;
  /** Identifier, length and content. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
} as const;

const LONGEST_LENGTH = 4;

/** Reads elements one after the other. Nothing is read recursively, so nesting costs a stranger nothing of ours. */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** @throws BadRequest when there is none, it is cut, or not of that tag */
  next(tag?: number): DerElement {
    const start = this.#at;
    const found = this.#byte();
    if ((found & 0x1f) === 0x1f) throw malformed('a tag of several bytes');
    if (tag !== undefined && found !== tag) throw malformed(`tag ${found} in place of ${tag}`);
    const length = this.#length();
    const from = this.#at;
    if (length > this.#bytes.length - from) throw malformed('an element that is cut off');
    this.#at = from + length;
    return {
      tag: found,
      whole: this.#bytes.subarray(start, this.#at),
      content: this.#bytes.subarray(from, this.#at),
    };
  }

  /** The next element if it has that tag. */
  optional(tag: number): DerElement | undefined {
    return !this.isDone && this.#bytes[this.#at] === tag ? this.next(tag) : undefined;
  }

  /** @throws BadRequest when something follows */
  end(): void {
    if (!this.isDone) throw malformed('trailing data');
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > LONGEST_LENGTH) throw malformed('a length that is not DER');
    let length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + this.#byte();
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw malformed('an element that is cut off');
    this.#at += 1;
    return byte;
  }
}

/** Members of a SEQUENCE or SET. */
export function* membersOf({ content }: DerElement): Generator<DerElement> {
  const reader = new DerReader(content);
  while (!reader.isDone) yield reader.next();
}

/** An object identifier in dotted form. */
export function oidText({ content }: DerElement): string {
  const parts: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw malformed('an identifier that is too long');
    if ((byte & 0x80) !== 0) continue;
    if (parts.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      parts.push(first, value - first * 40);
    } else parts.push(value);
    value = 0;
  }
  return parts.join('.');
}

/** What is in a BIT STRING of whole bytes. */
export function bitStringBytes({ content }: DerElement): Buffer {
  if (content[0] !== 0) throw malformed('a bit string of broken bytes');
  return content.subarray(1);
}

export function malformed(what: string): AmphoraError {
  return new AmphoraError('BadRequest', `malformed DER: ${what}`);
}
