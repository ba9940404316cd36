import type { LiveView } from '../access/live.ts';
import { crdKinds } from '../api/crd-kinds.ts';
import type { Node } from '../api/custom/node.ts';
import { equalJson } from '../api/json.ts';
import type { ApiObject, Kind, KindTable } from '../api/kind.ts';
import type { CustomResourceDefinition } from '../api/types.generated.ts';
import type { Logger } from '../lib/log.ts';
import { createRuleCheck } from './custom/check-rules.ts';

/**
 * Keeps the table of kinds as the CRDs say: every CRD whose names are accepted is served, what is gone or refused is
 * not. Each server does so by itself; what a CRD's status says is decided by the CRD controller, of which there is one.
 */
export function serveCustomKinds(
  table: KindTable,
  options: { readonly live: LiveView; readonly log: Logger },
): void {
  const served = new ServedKinds(table, options.log);
  options.live.of('customresourcedefinitions.apiextensions.k8s.io').listen((definition, gone) => {
    if (gone) served.drop(definition.metadata.name);
    else served.put(definition);
  });
}

interface Entry {
  readonly spec: unknown;
  readonly terminating: boolean;
  readonly kinds: readonly Kind[];
  /** Ends the watches of what is replaced or goes. */
  readonly end: AbortController;
}

class ServedKinds {
  readonly #table: KindTable;
  readonly #log: Logger;
  readonly #entries = new Map<string, Entry>();

  constructor(table: KindTable, log: Logger) {
    this.#table = table;
    this.#log = log;
  }

  put(object: Readonly<ApiObject>): void {
    const { name } = object.metadata;
    const crd = asServed(object as unknown as CustomResourceDefinition); // The registry conformed it.
    if (crd === undefined) {
      this.drop(name);
      return;
    }
    const known = this.#entries.get(name);
    // A new status is no new kind: documents and printers made from the old one stay good.
    const terminating = crd.metadata?.deletionTimestamp !== undefined;
    if (known?.terminating === terminating && equalJson(known.spec, crd.spec)) return;
    const end = new AbortController();
    const kinds = this.#make(crd, end.signal);
    for (const kind of known?.kinds ?? [])
      if (!kinds.some(({ version }) => version === kind.version))
        this.#table.remove(kind.group, kind.version, kind.resource);
    for (const kind of kinds) this.#table.add(kind);
    this.#entries.set(name, { spec: crd.spec, terminating, kinds, end });
    known?.end.abort();
  }

  drop(name: string): void {
    const known = this.#entries.get(name);
    for (const { group, version, resource } of known?.kinds ?? [])
      this.#table.remove(group, version, resource);
    this.#entries.delete(name);
    known?.end.abort();
  }

  #make(crd: CustomResourceDefinition, gone: AbortSignal): readonly Kind[] {
    try {
      const since = Number(crd.metadata?.resourceVersion ?? 0);
      const options = {
        table: this.#table,
        since,
        gone,
        compileRules: (root: Node) => createRuleCheck(root, true),
      };
      return crdKinds(crd, options).filter(({ group, version, resource }) => {
        const there = this.#table.find(group, version, resource);
        return there === undefined || there.custom !== undefined; // Never in place of a built-in kind.
      });
    } catch (error) {
      this.#log.warn({ error, crd: crd.metadata?.name }, 'a stored CRD is not served');
      return [];
    }
  }
}

/** With the names it was given; undefined while it has none. Once established, it keeps what it has. */
function asServed(crd: CustomResourceDefinition): CustomResourceDefinition | undefined {
  const conditions = crd.status?.conditions ?? [];
  const is = (wanted: string) => conditions.some(({ type, status }) => type === wanted && status === 'True');
  if (is('NamesAccepted')) return crd;
  if (!is('Established') || crd.status?.acceptedNames === undefined) return undefined;
  return { ...crd, spec: { ...crd.spec, names: crd.status.acceptedNames } };
}
