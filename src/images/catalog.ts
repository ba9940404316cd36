import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';
import type { Descriptor } from './blob-store.ts';
import type { Image, ImageConfig } from './images.ts';
import { formatReference, nameOf, parseReference } from './reference.ts';
import { hexOf, type StorePaths } from './store-paths.ts';

/** What is known of a present image; one file each, written once. */
export interface ImageRecord {
  readonly id: string;
  readonly layers: readonly (Descriptor & { readonly diffId: string })[];
  readonly architecture: string;
  readonly created: string;
  readonly config: ImageConfig;
}

/** The images that are present and what they are called. The names are one small file; a name moves by one rename. */
export class Catalog {
  readonly #paths: StorePaths;
  readonly #records = new Map<string, ImageRecord>();
  /** Normalised reference, with tag or digest → image id. */
  #references = new Map<string, string>();
  #writing: Promise<void> = Promise.resolve();

  constructor(paths: StorePaths) {
    this.#paths = paths;
  }

  async load(): Promise<void> {
    for (const file of await readdir(this.#paths.images)) {
      if (!file.endsWith('.json')) continue;
      // Written by `add` in exactly this shape.
      const record = JSON.parse(await readFile(join(this.#paths.images, file), 'utf8')) as ImageRecord;
      this.#records.set(record.id, record);
    }
    const references = await readReferences(this.#paths.references);
    this.#references = new Map([...references].filter(([, id]) => this.#records.has(id)));
  }

  /** Makes an image known under these references, which move here if another image had them. */
  async add(record: ImageRecord, references: readonly string[]): Promise<void> {
    if (!this.#records.has(record.id)) {
      const text = `${JSON.stringify(record, undefined, 2)}\n`;
      await writeFileAtomic(join(this.#paths.images, `${hexOf(record.id)}.json`), text, 0o600);
      this.#records.set(record.id, record);
    }
    await this.#change((all) => {
      for (const reference of references) all.set(reference, record.id);
    });
  }

  record(id: string): ImageRecord {
    const record = this.#records.get(id);
    if (record !== undefined) return record;
    throw new AmphoraError('NotFound', `image ${id} is not present: pull or import it first`);
  }

  records(): readonly ImageRecord[] {
    return [...this.#records.values()];
  }

  image(id: string): Image {
    const record = this.record(id);
    const mine = [...this.#references].filter(([, target]) => target === id).map(([reference]) => reference);
    return {
      id,
      names: mine.filter((reference) => !reference.includes('@')).sort(),
      digests: mine.filter((reference) => reference.includes('@')).sort(),
      sizeBytes: record.layers.reduce((sum, { size }) => sum + size, 0),
      architecture: record.architecture,
      created: record.created,
      config: record.config,
    };
  }

  /**
   * The id that a reference, an id or a prefix of one names.
   * @throws BadRequest when a prefix fits several.
   */
  find(text: string): string | undefined {
    const hex = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(text)?.[1];
    if (hex !== undefined) {
      const found = [...this.#records.keys()].filter((id) => id.startsWith(`sha256:${hex}`));
      if (found.length > 1) {
        throw new AmphoraError(
          'BadRequest',
          `${text} is the start of ${found.length} image ids: give more digits`,
        );
      }
      if (found[0] !== undefined) return found[0];
    }
    if (text.startsWith('sha256:')) return undefined;
    return this.#references.get(formatReference(parseReference(text)));
  }

  /** Removes one name (with its repository's digests, when it was the last), or, for an id, all of the image's names. */
  async removeReference(text: string, id: string): Promise<void> {
    await this.#change((all) => {
      const normal = normalised(text);
      if (normal === undefined || all.get(normal) !== id) {
        for (const [reference, target] of all) if (target === id) all.delete(reference);
        return;
      }
      all.delete(normal);
      const repository = nameOf(parseReference(normal));
      const rest = [...all].filter(
        ([one, target]) => target === id && nameOf(parseReference(one)) === repository,
      );
      if (rest.every(([one]) => one.includes('@'))) for (const [one] of rest) all.delete(one);
    });
  }

  isReferenced(id: string): boolean {
    return [...this.#references.values()].includes(id);
  }

  async forget(id: string): Promise<void> {
    this.#records.delete(id);
    await rm(join(this.#paths.images, `${hexOf(id)}.json`), { force: true });
  }

  /** One change at a time; memory follows the disk, so that what was told is kept. */
  async #change(change: (references: Map<string, string>) => void): Promise<void> {
    const turn = this.#writing.then(async () => {
      const next = new Map(this.#references);
      change(next);
      const text = `${JSON.stringify(Object.fromEntries(next), undefined, 2)}\n`;
      await writeFileAtomic(this.#paths.references, text, 0o600);
      this.#references = next;
    });
    this.#writing = turn.catch(() => {});
    await turn;
  }
}

function normalised(text: string): string | undefined {
  try {
    return formatReference(parseReference(text));
  } catch {
    return undefined; // An id.
  }
}

async function readReferences(path: string): Promise<Map<string, string>> {
  try {
    // Written by `#change` in exactly this shape.
    return new Map(Object.entries(JSON.parse(await readFile(path, 'utf8')) as Record<string, string>));
  } catch (error) {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT') return new Map(); // Node puts `code` there.
    throw error;
  }
}
