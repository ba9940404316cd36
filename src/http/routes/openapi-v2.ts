import type { Kind, KindTable } from '../../api/kind.ts';
import { hashOf, openApiV2 } from '../../api/openapi-v2.ts';
import { encodeOpenApiV2 } from '../../api/openapi-v2-protobuf.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { OpenApiV2Document } from '../services.ts';

/**
 * Makes the document when somebody asks, and lets it go when nobody has for a while: it is several megabytes, and what
 * reads it is old.
 */
export class OpenApiV2 {
  readonly #kinds: KindTable;
  #made: { readonly kinds: readonly Kind[]; readonly document: OpenApiV2Document } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(kinds: KindTable) {
    this.#kinds = kinds;
  }

  get(): OpenApiV2Document {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#made = undefined;
    }, LIMITS.openApiV2KeepMs).unref();
    const kinds = this.#kinds.all();
    // The table gives the same list until a kind comes or goes.
    if (this.#made?.kinds !== kinds) this.#made = { kinds, document: this.#make() };
    return this.#made.document;
  }

  #make(): OpenApiV2Document {
    const document = openApiV2(this.#kinds);
    const json = Buffer.from(JSON.stringify(document));
    const hash = hashOf(json);
    let message: Buffer | undefined;
    return {
      json,
      hash,
      protobuf: () => {
        message ??= Buffer.from(encodeOpenApiV2(document));
        return message;
      },
    };
  }
}
