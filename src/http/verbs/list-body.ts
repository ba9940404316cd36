import type { ObjectBytes } from '../../registry/registry.ts';
import type { Body } from '../reply.ts';

/** Bytes that are made and sent at once. */
const PIECE_BYTES = 262_144;
const COMMA = 0x2c;
const LIST_END = ']}';

/** A list as JSON: what is stored, copied once into pieces as large as a socket likes them. */
export class ListBody implements Body {
  readonly length: number;
  readonly #head: string;
  readonly #items: readonly ObjectBytes[];

  /** @param head the list without its items, as JSON of an object with at least one member */
  constructor(head: string, items: readonly ObjectBytes[]) {
    this.#head = `${head.slice(0, -1)},"items":[`;
    this.#items = items;
    const commas = Math.max(0, items.length - 1);
    const own = items.reduce((sum, item) => sum + item.jsonLength, 0);
    this.length = Buffer.byteLength(this.#head) + own + commas + LIST_END.length;
  }

  *[Symbol.iterator](): Generator<Buffer> {
    let left = this.length;
    let piece = Buffer.allocUnsafe(Math.min(left, PIECE_BYTES));
    let at = piece.write(this.#head);
    for (const [index, item] of this.#items.entries()) {
      const needed = item.jsonLength + 1 + LIST_END.length;
      if (at + needed > piece.length) {
        yield piece.subarray(0, at);
        left -= at;
        piece = Buffer.allocUnsafe(Math.min(left, Math.max(PIECE_BYTES, needed)));
        at = 0;
      }
      if (index > 0) {
        piece[at] = COMMA;
        at += 1;
      }
      at = item.writeJson(piece, at);
    }
    at += piece.write(LIST_END, at, 'latin1');
    yield piece.subarray(0, at);
  }
}
