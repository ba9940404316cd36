import type { ApiObject } from '../../api/kind.ts';
import type { LiveObjects, LiveView } from '../live.ts';

/** A view of what never changes. */
export function liveOf(objects: Readonly<Record<string, readonly ApiObject[]>>): LiveView {
  return {
    of(resource): LiveObjects {
      const all = objects[resource] ?? [];
      return {
        version: 1,
        loaded: Promise.resolve(),
        values: () => all,
        get: (namespace, name) =>
          all.find(({ metadata }) => (metadata.namespace ?? '') === namespace && metadata.name === name),
        listen: (listener) => {
          for (const one of all) listener(one, false);
        },
      };
    },
  };
}
