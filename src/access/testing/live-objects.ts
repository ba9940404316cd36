import { type ApiObject, qualifiedResource } from '../../api/kind.ts';
import type { LiveListener, LiveObjects, LiveView } from '../live.ts';

/** A {@link LiveView} whose objects a test puts and drops by hand. */
export interface HandmadeView extends LiveView {
  /** The resource is the kind in lower case with an s. */
  put(...objects: readonly object[]): void;
  drop(...objects: readonly object[]): void;
}

export function handmadeView(...objects: readonly object[]): HandmadeView {
  const all = new Map<string, Handmade>();
  const of = (resource: string) => {
    const known = all.get(resource) ?? new Handmade();
    all.set(resource, known);
    return known;
  };
  const set = (given: readonly object[], gone: boolean) => {
    for (const each of given) {
      const object = each as ApiObject; // Tests write whole objects.
      const [group = '', version] = object.apiVersion.split('/');
      const resource = `${object.kind.toLowerCase()}s`;
      of(qualifiedResource({ group: version === undefined ? '' : group, resource })).set(object, gone);
    }
  };
  set(objects, false);
  return { of, put: (...given) => set(given, false), drop: (...given) => set(given, true) };
}

class Handmade implements LiveObjects {
  readonly loaded = Promise.resolve();
  version = 0;
  readonly #objects = new Map<string, ApiObject>();
  readonly #listeners: LiveListener[] = [];

  values(): Iterable<ApiObject> {
    return this.#objects.values();
  }

  get(namespace: string, name: string): ApiObject | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  listen(listener: LiveListener): void {
    this.#listeners.push(listener);
    for (const object of this.#objects.values()) listener(object, false);
  }

  set(object: ApiObject, gone: boolean): void {
    const { namespace = '', name } = object.metadata;
    const key = `${namespace}/${name}`;
    this.version += 1;
    if (gone) this.#objects.delete(key);
    else this.#objects.set(key, object);
    for (const listener of this.#listeners) listener(object, gone);
  }
}
