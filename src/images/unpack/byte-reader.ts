import { UnpackError } from './unpack-error.ts';

/** Reads exact amounts out of chunks of any size. Synchronous: it is made for a process that does nothing else. */
export class ByteReader {
  readonly #pull: () => Buffer | undefined;
  readonly #maxBytes: number;
  #chunk: Buffer = Buffer.alloc(0);
  #taken = 0;

  /** @param pull the next bytes, not empty and valid until it is called again; undefined at the end. */
  constructor(pull: () => Buffer | undefined, maxBytes: number) {
    this.#pull = pull;
    this.#maxBytes = maxBytes;
  }

  /** Between 1 and `max` bytes, valid until the next call; undefined at the end. */
  some(max: number): Buffer | undefined {
    if (this.#chunk.length === 0) {
      const chunk = this.#pull();
      if (chunk === undefined) return undefined;
      this.#chunk = chunk;
    }
    const part = this.#chunk.subarray(0, max);
    this.#chunk = this.#chunk.subarray(part.length);
    this.#taken += part.length;
    if (this.#taken > this.#maxBytes) {
      throw new UnpackError('TooLarge', `the layer is larger than the limit of ${this.#maxBytes} bytes`);
    }
    return part;
  }

  /** A copy of exactly `size` bytes; undefined when not one byte is left. */
  exactly(size: number): Buffer | undefined {
    const whole = Buffer.allocUnsafe(size);
    let filled = 0;
    while (filled < size) {
      const part = this.some(size - filled);
      if (part === undefined) {
        if (filled === 0) return undefined;
        throw new UnpackError('Corrupt', 'the archive ends in the middle of an entry');
      }
      part.copy(whole, filled);
      filled += part.length;
    }
    return whole;
  }

  /** Hands `size` bytes on as they come. */
  each(size: number, use: (part: Buffer) => void): void {
    for (let left = size; left > 0; ) {
      const part = this.some(Math.min(left, 1 << 20));
      if (part === undefined) throw new UnpackError('Corrupt', 'the archive ends in the middle of an entry');
      use(part);
      left -= part.length;
    }
  }

  drain(): void {
    while (this.some(1 << 20) !== undefined);
  }
}
