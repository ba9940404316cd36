import { crdKinds } from '../api/crd-kinds.ts';
import { equalJson } from '../api/json.ts';
import type { ApiObject, Kind, KindTable } from '../api/kind.ts';
import type { CustomResourceDefinition } from '../api/types.generated.ts';
import type { Clock } from '../lib/clock.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { platformContext } from './platform-context.ts';
import type { Registry, WatchEvent } from './registry.ts';

const READER = { name: 'system:amphora:custom-kinds', uid: '', groups: [], extra: {} };

export interface CustomKinds {
  /** Every CRD whose names are accepted is served when this resolves. */
  load(signal: AbortSignal): Promise<void>;
  /** Follows CRDs until the signal aborts: what is accepted is served, what is gone or refused is not. */
  follow(signal: AbortSignal): Promise<void>;
}

/**
 * Keeps the registry's table of kinds as its CRDs say. Each server does so by itself; what a CRD's status says is
 * decided by the CRD controller, of which there is one.
 */
export function createCustomKinds(
  registry: Registry,
  options: { readonly clock: Clock; readonly log: Logger },
): CustomKinds {
  const served = new ServedKinds(registry.kinds, options.log);
  const load = async (signal: AbortSignal): Promise<string> => {
    const found = await registry.list(platformContext(READER, signal), definitions(registry), {});
    served.replace(found.items.map((item) => item.object()));
    return found.resourceVersion;
  };
  return {
    load: async (signal) => void (await load(signal)),
    follow: async (signal) => {
      while (!signal.aborted) {
        try {
          await followFrom(registry, { served, resourceVersion: await load(signal), signal });
        } catch (error) {
          if (signal.aborted) return;
          options.log.warn({ error }, 'custom kinds are read again');
          await options.clock.sleep(LIMITS.informerRetryFirstMs, signal).catch(() => {});
        }
      }
    },
  };
}

async function followFrom(
  registry: Registry,
  from: { readonly served: ServedKinds; readonly resourceVersion: string; readonly signal: AbortSignal },
): Promise<void> {
  const { served, resourceVersion, signal } = from;
  const events: AsyncIterable<WatchEvent> = registry.watch(
    platformContext(READER, signal),
    definitions(registry),
    {
      resourceVersion,
      allowWatchBookmarks: false,
      sendInitialEvents: false,
    },
  );
  for await (const event of events) {
    if (event.type === 'BOOKMARK') continue;
    const object = event.object.object();
    if (event.type === 'DELETED') served.drop(object.metadata.name);
    else served.put(object);
  }
}

function definitions(registry: Registry) {
  const kind = registry.kinds.byKind('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
  if (kind === undefined) throw new RangeError('the kind table has no CustomResourceDefinition');
  return { kind, namespace: '' };
}

interface Entry {
  readonly spec: unknown;
  readonly kinds: readonly Kind[];
}

class ServedKinds {
  readonly #table: KindTable;
  readonly #log: Logger;
  readonly #entries = new Map<string, Entry>();

  constructor(table: KindTable, log: Logger) {
    this.#table = table;
    this.#log = log;
  }

  replace(objects: readonly Readonly<ApiObject>[]): void {
    const names = new Set(objects.map(({ metadata }) => metadata.name));
    for (const name of [...this.#entries.keys()]) if (!names.has(name)) this.drop(name);
    for (const object of objects) this.put(object);
  }

  put(object: Readonly<ApiObject>): void {
    const { name } = object.metadata;
    const crd = object as unknown as CustomResourceDefinition; // The registry conformed it.
    if (!isAccepted(crd)) {
      this.drop(name);
      return;
    }
    const known = this.#entries.get(name);
    // A new status is no new kind: documents and printers made from the old one stay good.
    if (known !== undefined && equalJson(known.spec, crd.spec)) return;
    const kinds = this.#make(crd);
    for (const kind of known?.kinds ?? [])
      if (!kinds.some(({ version }) => version === kind.version))
        this.#table.remove(kind.group, kind.version, kind.resource);
    for (const kind of kinds) this.#table.add(kind);
    this.#entries.set(name, { spec: crd.spec, kinds });
  }

  drop(name: string): void {
    for (const { group, version, resource } of this.#entries.get(name)?.kinds ?? [])
      this.#table.remove(group, version, resource);
    this.#entries.delete(name);
  }

  #make(crd: CustomResourceDefinition): readonly Kind[] {
    try {
      return crdKinds(crd, this.#table).filter(({ group, version, resource }) => {
        const there = this.#table.find(group, version, resource);
        return there === undefined || there.schema.name === ''; // Never in place of a built-in kind.
      });
    } catch (error) {
      this.#log.warn({ error, crd: crd.metadata?.name }, 'a stored CRD is not served');
      return [];
    }
  }
}

function isAccepted(crd: CustomResourceDefinition): boolean {
  const conditions = crd.status?.conditions ?? [];
  return conditions.some(({ type, status }) => type === 'NamesAccepted' && status === 'True');
}
