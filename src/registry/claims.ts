import type { ApiObject } from '../api/kind.ts';
import type { ErrorDetail } from '../lib/errors.ts';
import type { Change, Store, StoreKey } from '../store/store.ts';
import { throwIfInvalid } from './faults.ts';
import { encodeObject } from './object-bytes.ts';
import type { StoredKind } from './parts.ts';

/**
 * Something that only one object may have (an address, a port), as an object of its own whose key is that thing. It
 * is written in the commit that writes its holder, so no crash leaves one without the other.
 */
export interface Claim {
  readonly key: StoreKey;
  readonly object: ApiObject;
  /** What the caller is told when somebody else has it. */
  readonly taken: ErrorDetail;
}

/** The changes that give `object` what it claims, and back what `old` claimed and it does not. */
export async function claimChanges(
  store: Store,
  kind: StoredKind,
  change: {
    readonly object: Readonly<ApiObject> | undefined;
    readonly old: Readonly<ApiObject> | undefined;
    readonly signal: AbortSignal;
  },
): Promise<readonly Change[]> {
  const claims = kind.strategy.claims;
  if (claims === undefined) return [];
  const { signal } = change;
  const after = change.object === undefined ? [] : claims(change.object);
  const before = change.old === undefined ? [] : claims(change.old);
  const changes: Change[] = after
    .filter((claim) => !before.some((one) => sameKey(one.key, claim.key)))
    .map(({ key, object }) => ({ key, bytes: encodeObject(object), expected: 0 }));
  for (const { key, object } of before) {
    if (after.some((one) => sameKey(one.key, key))) continue;
    const held = await store.get(key, { signal });
    // What is not there, or is another's by now, is not given back.
    if (held?.bytes.equals(encodeObject(object)) === true) changes.push({ key, expected: held.revision });
  }
  return changes;
}

/**
 * After a commit met a conflict: whether a claim was why.
 * @throws Invalid when what the caller itself asked for is taken.
 */
export async function isClaimTaken(
  store: Store,
  kind: StoredKind,
  change: {
    readonly object: Readonly<ApiObject>;
    readonly asked: Readonly<ApiObject>;
    readonly signal: AbortSignal;
  },
): Promise<boolean> {
  const claims = kind.strategy.claims;
  if (claims === undefined) return false;
  const asked = claims(change.asked);
  let taken = false;
  for (const { key, object, taken: detail } of claims(change.object)) {
    const held = await store.get(key, { signal: change.signal });
    if (held === undefined || held.bytes.equals(encodeObject(object))) continue;
    taken = true;
    if (asked.some((one) => sameKey(one.key, key)))
      throwIfInvalid(kind.asked, change.object.metadata.name, [detail]);
  }
  return taken;
}

function sameKey(a: StoreKey, b: StoreKey): boolean {
  return a.resource === b.resource && a.namespace === b.namespace && a.name === b.name;
}
