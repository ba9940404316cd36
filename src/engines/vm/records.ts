import { AmphoraError } from '../../lib/errors.ts';

/** Tag-length-value records: tag (u16), length (u32), value. */
export class RecordWriter {
  readonly #parts: Buffer[] = [];

  bytes(tag: number, value: Uint8Array): this {
    const head = Buffer.alloc(6);
    head.writeUInt16LE(tag, 0);
    head.writeUInt32LE(value.length, 2);
    this.#parts.push(head, Buffer.from(value));
    return this;
  }

  text(tag: number, value: string): this {
    if (value.includes('\0'))
      throw new AmphoraError(
        'BadRequest',
        `a NUL byte cannot be passed to a process: ${JSON.stringify(value)}`,
      );
    return this.bytes(tag, Buffer.from(value));
  }

  number(tag: number, value: number | bigint): this {
    return this.bytes(tag, u64(value));
  }

  flag(tag: number, value: boolean): this {
    return this.number(tag, value ? 1 : 0);
  }

  /** Left out when undefined. */
  optional(tag: number, value: number | undefined): this {
    return value === undefined ? this : this.number(tag, value);
  }

  nested(tag: number, fill: (inner: RecordWriter) => void): this {
    const inner = new RecordWriter();
    fill(inner);
    return this.bytes(tag, inner.finish());
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Two's complement for what is negative. */
export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes;
}

/** What a guest said: nothing about it is believed but its bounds. */
export class Records {
  readonly #all: ReadonlyArray<readonly [number, Buffer]>;

  /** @throws Corrupt when a record leaves the bytes. */
  constructor(bytes: Buffer) {
    const all: Array<readonly [number, Buffer]> = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 6 > bytes.length ? Number.POSITIVE_INFINITY : at + 6 + bytes.readUInt32LE(at + 2);
      if (end > bytes.length) throw new AmphoraError('Corrupt', 'the guest sent a malformed record');
      all.push([bytes.readUInt16LE(at), bytes.subarray(at + 6, end)]);
      at = end;
    }
    this.#all = all;
  }

  all(tag: number): readonly Buffer[] {
    return this.#all.filter(([found]) => found === tag).map(([, value]) => value);
  }

  text(tag: number): string {
    return this.all(tag)[0]?.toString('utf8') ?? '';
  }

  /** 0 when missing. @throws Corrupt when it is no number a program can count to. */
  number(tag: number): number {
    const bytes = this.all(tag)[0];
    if (bytes === undefined) return 0;
    const value = bytes.length === 8 ? Number(bytes.readBigUInt64LE()) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw new AmphoraError('Corrupt', 'the guest sent a malformed number');
    return value;
  }
}
