import { type Admission, createAdmission } from '../../access/admission/admission.ts';
import type { LiveView } from '../../access/live.ts';
import type { ApiObject, Kind, KindTable } from '../../api/kind.ts';
import { createKindTable } from '../../api/kinds.ts';
import type { Clock } from '../../lib/clock.ts';
import { systemClock } from '../../lib/clock.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import { createRegistry } from '../generic.ts';
import type { RegistryHooks } from '../parts.ts';
import type { Registry, RequestContext } from '../registry.ts';

const kinds = createKindTable();

export interface Bench {
  readonly registry: Registry;
  readonly store: Store;
  readonly context: RequestContext;
  readonly warnings: string[];
}

/** A registry over a store of its own, without admission plugins unless some are given. */
export function bench(
  options: {
    clock?: Clock;
    hooks?: RegistryHooks;
    store?: Store;
    admission?: Admission;
    /** A table of its own, for who adds kinds. */
    kinds?: KindTable;
    live?: LiveView;
  } = {},
): Bench {
  const store = options.store ?? createMemoryStore();
  const warnings: string[] = [];
  const registry = createRegistry({
    store,
    kinds: options.kinds ?? kinds,
    admission: options.admission ?? createAdmission([]),
    clock: options.clock ?? systemClock,
    ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
    ...(options.live === undefined ? {} : { live: options.live }),
  });
  return { registry, store, warnings, context: contextOf(warnings) };
}

export function contextOf(warnings: string[] = [], signal = new AbortController().signal): RequestContext {
  return {
    user: { name: 'tester', uid: '1', groups: ['system:masters'], extra: {} },
    signal,
    requestId: 'test',
    dryRun: false,
    fieldManager: 'tester',
    fieldValidation: 'Strict',
    warn: (message) => warnings.push(message),
  };
}

export function kindOf(group: string, version: string, resource: string): Kind {
  const kind = kinds.find(group, version, resource);
  if (kind === undefined) throw new Error(`no ${resource} in ${group}/${version}`);
  return kind;
}

export function configMap(name: string, data: Record<string, string> = {}): ApiObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

export function pod(name: string, spec: Record<string, unknown> = {}): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'main', image: 'app:1' }], ...spec },
  };
}
