import { constants, createDeflate, createInflate } from 'node:zlib';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import { spdyDictionary } from './dictionary.ts';

export type Headers = Readonly<Record<string, string>>;

/** Name/value blocks, SPDY/3.1 section 2.6.10: one compression context for each direction of a connection. */
export class HeaderCodec {
  readonly #inflate = createInflate({ dictionary: spdyDictionary(), finishFlush: constants.Z_SYNC_FLUSH });
  readonly #deflate = createDeflate({ dictionary: spdyDictionary(), flush: constants.Z_SYNC_FLUSH });
  #inflated: Buffer[] = [];
  #inflatedBytes = 0;
  #deflated: Buffer[] = [];
  #failed: Error | undefined;

  constructor() {
    const fail = (error: Error) => {
      this.#failed = error;
    };
    this.#inflate.on('error', fail);
    this.#deflate.on('error', fail);
    this.#deflate.on('data', (chunk: Buffer) => this.#deflated.push(chunk));
    this.#inflate.on('data', (chunk: Buffer) => {
      this.#inflatedBytes += chunk.length;
      if (this.#inflatedBytes <= LIMITS.spdyHeaderBytes) this.#inflated.push(chunk);
      else this.#inflate.destroy(new AmphoraError('TooLarge', 'a SPDY header block is too large'));
    });
  }

  /** Calls must not overlap. @throws BadRequest, TooLarge */
  async decode(block: Buffer): Promise<Headers> {
    this.#inflated = [];
    this.#inflatedBytes = 0;
    await this.#through(this.#inflate, block);
    return parse(Buffer.concat(this.#inflated));
  }

  async encode(headers: Headers): Promise<Buffer> {
    this.#deflated = [];
    await this.#through(this.#deflate, serialize(headers));
    return Buffer.concat(this.#deflated);
  }

  close(): void {
    this.#inflate.destroy();
    this.#deflate.destroy();
  }

  #through(stream: NodeJS.WritableStream, block: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => reject(AmphoraError.from(error));
      if (this.#failed !== undefined) {
        failed(this.#failed);
        return;
      }
      stream.once('error', failed);
      stream.write(block, () => {
        stream.removeListener('error', failed);
        resolve();
      });
    });
  }
}

function parse(block: Buffer): Headers {
  let at = 0;
  const number = () => {
    if (at + 4 > block.length) throw new AmphoraError('BadRequest', 'a SPDY header block is cut off');
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = () => {
    const length = number();
    if (at + length > block.length) throw new AmphoraError('BadRequest', 'a SPDY header block is cut off');
    at += length;
    return block.toString('latin1', at - length, at);
  };
  const headers = new Map<string, string>();
  for (let count = number(); count > 0; count--) {
    const name = text().toLowerCase();
    headers.set(name, text());
  }
  return Object.fromEntries(headers);
}

function serialize(headers: Headers): Buffer {
  const parts: Buffer[] = [];
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    parts.push(bytes);
  };
  const entries = Object.entries(headers);
  number(entries.length);
  for (const word of entries.flat()) {
    number(Buffer.byteLength(word, 'latin1'));
    parts.push(Buffer.from(word, 'latin1'));
  }
  return Buffer.concat(parts);
}
