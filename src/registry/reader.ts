import type { AdmissionReader } from '../access/admission/admission.ts';
import type { LiveView } from '../access/live.ts';
import { isCode } from '../lib/errors.ts';
import type { Store } from '../store/store.ts';
import { encodeObject, type SharedBytes } from './object-bytes.ts';

/** What admission looks up on the path of a write: from memory. What is not there may have just been made. */
const FOLLOWED: ReadonlySet<string> = new Set([
  'namespaces',
  'serviceaccounts',
  'runtimeclasses.node.k8s.io',
  'priorityclasses.scheduling.k8s.io',
]);

/** Reads for admission plugins: no authorization, one parse for all who read the same object. */
export function createReader(
  store: Store,
  { shared, live }: { readonly shared: SharedBytes; readonly live: LiveView | undefined },
): AdmissionReader {
  for (const resource of live === undefined ? [] : FOLLOWED) live?.of(resource);
  return {
    async get(resource, name, signal) {
      const known = FOLLOWED.has(resource) ? live?.of(resource).get(name.namespace, name.name) : undefined;
      if (known !== undefined) return known;
      const found = await store.get({ resource, ...name }, { signal });
      return found === undefined ? undefined : shared.of(found.bytes, found.revision).object();
    },
    async list(resource, signal, namespace) {
      if (live !== undefined && FOLLOWED.has(resource) && namespace === undefined)
        return [...live.of(resource).values()];
      const page = await store.list(
        { resource, ...(namespace === undefined ? {} : { namespace }) },
        { signal },
      );
      return page.items.map((item) => shared.of(item.bytes, item.revision).object());
    },
    async replaceStatuses(resource, changes, signal) {
      const written = changes.map(({ object, status }) => ({
        key: { resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name },
        bytes: encodeObject({ ...object, status }),
        expected: Number(object.metadata.resourceVersion),
      }));
      try {
        await store.commit(written, signal);
        return true;
      } catch (error) {
        if (isCode(error, 'Conflict')) return false;
        throw error;
      }
    },
  };
}
