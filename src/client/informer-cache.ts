type Indexers<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

/** Objects by key and by the values of named indexes. */
export class InformerCache<T extends object> {
  readonly #objects = new Map<string, T>();
  readonly #indexers: Indexers<T>;
  /** index → value → keys */
  readonly #indexes = new Map<string, Map<string, Set<string>>>();

  constructor(indexers: Indexers<T>) {
    this.#indexers = indexers;
    for (const name of Object.keys(indexers)) this.#indexes.set(name, new Map());
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): T[] {
    if (namespace === undefined || namespace === '') return [...this.#objects.values()];
    const prefix = `${namespace}/`;
    return [...this.#objects].filter(([key]) => key.startsWith(prefix)).map(([, object]) => object);
  }

  byIndex(index: string, value: string): T[] {
    const keys = this.#indexes.get(index)?.get(value) ?? new Set<string>();
    return [...keys].map((key) => this.#objects.get(key)).filter((object) => object !== undefined);
  }

  set(key: string, object: T): void {
    this.delete(key);
    this.#objects.set(key, object);
    for (const [name, indexer] of Object.entries(this.#indexers)) {
      const index = this.#indexes.get(name) ?? new Map<string, Set<string>>();
      for (const value of indexer(object)) {
        const keys = index.get(value) ?? new Set();
        index.set(value, keys.add(key));
      }
    }
  }

  delete(key: string): void {
    const known = this.#objects.get(key);
    if (known === undefined) return;
    this.#objects.delete(key);
    for (const [name, indexer] of Object.entries(this.#indexers)) {
      const index = this.#indexes.get(name);
      for (const value of indexer(known)) {
        const keys = index?.get(value);
        keys?.delete(key);
        if (keys?.size === 0) index?.delete(value);
      }
    }
  }

  /** Makes the cache hold exactly these. @returns the keys of what came, changed or went */
  replace(fresh: ReadonlyMap<string, T>): string[] {
    const gone = [...this.#objects.keys()].filter((key) => !fresh.has(key));
    const changed = [...fresh].filter(
      ([key, object]) => revisionOf(this.#objects.get(key)) !== revisionOf(object),
    );
    for (const key of gone) this.delete(key);
    for (const [key, object] of changed) this.set(key, object);
    return [...gone, ...changed.map(([key]) => key)];
  }
}

/** Of the uid too: an object of the same name may be another one. */
function revisionOf(object: object | undefined): string | undefined {
  if (object === undefined || !('metadata' in object)) return undefined;
  const { uid, resourceVersion } = object.metadata as { uid?: string; resourceVersion?: string }; // Of the API.
  return `${uid} ${resourceVersion}`;
}
