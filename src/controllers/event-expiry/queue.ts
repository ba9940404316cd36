import type { ObjectMeta } from '../../api/kind.ts';

/** What is to expire, and which of its revisions. */
export interface Expiring {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Milliseconds since the epoch. */
  readonly due: number;
}

/** Objects in the order in which they expire: all live equally long from their last write, so who came last goes last. */
export class ExpiryQueue {
  readonly #waiting = new Map<string, Expiring>();

  get size(): number {
    return this.#waiting.size;
  }

  /** An object that was just written, or one of many that are added in the order of their dues. */
  add(metadata: Readonly<ObjectMeta>, due: number): void {
    const { namespace = '', name, uid = '', resourceVersion = '' } = metadata;
    const key = `${namespace}/${name}`;
    this.#waiting.delete(key);
    this.#waiting.set(key, { namespace, name, uid, resourceVersion, due });
  }

  delete({ namespace = '', name }: Readonly<ObjectMeta>): void {
    this.#waiting.delete(`${namespace}/${name}`);
  }

  clear(): void {
    this.#waiting.clear();
  }

  /** Takes out what is due by now; looks at no more than that and one. */
  take(now: number): Expiring[] {
    const due: Expiring[] = [];
    for (const [key, expiring] of this.#waiting) {
      if (expiring.due > now) break;
      this.#waiting.delete(key);
      due.push(expiring);
    }
    return due;
  }
}

/** When an object was last written, as far as it says itself. Milliseconds since the epoch. */
export function lastWritten({ creationTimestamp = '', managedFields = [] }: Readonly<ObjectMeta>): number {
  // ManagedFieldsEntry, as the schema has it.
  const times = managedFields.map((entry) => (entry as { readonly time?: string }).time ?? '');
  return Math.max(0, ...[creationTimestamp, ...times].map((time) => Date.parse(time) || 0));
}
