import { AmphoraError } from '../../src/lib/errors.ts';
import type { Store, StoreEvent } from '../../src/store/store.ts';
import { hashOf, type Line, RESOURCE, type WrittenChange } from './protocol.ts';

const SIGNAL = new AbortController().signal;

export interface History {
  /** Everything after this revision. */
  readonly after: number;
  readonly events: readonly StoreEvent[];
}

/** The whole history that a store has kept: since `base`, or since the compaction that the guest told of. */
export async function readHistory(
  store: Store,
  { base, lines }: { base: number; lines: readonly Line[] },
): Promise<History | undefined> {
  const told = (kind: Line['kind']) => lines.find((line) => line.kind === kind);
  const whole = await past(store, base);
  if (whole !== undefined)
    return told('compacted') === undefined ? { after: base, events: whole } : undefined;
  const compacting = told('compacting');
  if (compacting?.kind !== 'compacting') return undefined;
  const events = await past(store, compacting.revision);
  return events === undefined ? undefined : { after: compacting.revision, events };
}

async function past(store: Store, from: number): Promise<readonly StoreEvent[] | undefined> {
  try {
    const newest = await store.revision(SIGNAL);
    const all: StoreEvent[] = [];
    for await (const { events, revision } of store.watch({ resource: RESOURCE }, from, { signal: SIGNAL })) {
      all.push(...events);
      if (revision >= newest) break;
    }
    return all;
  } catch (error) {
    if (AmphoraError.from(error).code === 'Expired') return undefined;
    throw error;
  }
}

export function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

export interface LoggedCommit {
  readonly revision: number;
  readonly writer: string;
  readonly changes: readonly WrittenChange[];
  readonly events: readonly StoreEvent[];
}

/** The commits of a history, in order. */
export function commitsOf(events: readonly StoreEvent[]): LoggedCommit[] {
  const commits = Map.groupBy(events, ({ revision }) => revision);
  return [...commits].map(([revision, group]) => ({
    revision,
    writer: group[0]?.key.namespace ?? '',
    changes: group.map(({ type, key, bytes }) => ({
      name: key.name,
      ...(type === 'put' ? { hash: hashOf(bytes) } : {}),
    })),
    events: group,
  }));
}

/** What there is of the writers' objects: name → revision and hash. */
export class State {
  readonly #objects = new Map<string, string>();

  get entries(): ReadonlyMap<string, string> {
    return this.#objects;
  }

  get(name: string): string | undefined {
    return this.#objects.get(name);
  }

  apply(writer: string, changes: readonly WrittenChange[], revision: number): void {
    for (const { name, hash } of changes) {
      const key = nameOf({ namespace: writer, name });
      if (hash === undefined) this.#objects.delete(key);
      else this.#objects.set(key, `${revision} ${hash}`);
    }
  }
}
