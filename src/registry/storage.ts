import { type ApiObject, type Kind, qualifiedResource } from '../api/kind.ts';
import { AmphoraError } from '../lib/errors.ts';
import type { StoredObject, StoreKey } from '../store/store.ts';
import { convert, storageKind } from './conversion.ts';
import { notFound } from './faults.ts';
import { encodeObject, objectBytes } from './object-bytes.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import type { ObjectBytes } from './registry.ts';

/** What holds for every custom kind. */
const CUSTOM = { unconditionalUpdate: false };

export function storedKind(parts: RegistryParts, asked: Kind): StoredKind {
  const stored = storageKind(asked, parts.kinds);
  const resource = qualifiedResource(stored);
  const strategy = parts.strategies.get(resource) ?? { resource };
  return { asked, stored, strategy: asked.custom === undefined ? strategy : { ...strategy, ...CUSTOM } };
}

export function storeKey(kind: Kind, namespace: string, name: string): StoreKey {
  return { resource: qualifiedResource(kind), namespace: kind.namespaced ? namespace : '', name };
}

export async function load(
  parts: RegistryParts,
  key: StoreKey,
  signal: AbortSignal,
): Promise<StoredObject | undefined> {
  return await parts.store.get(key, { signal });
}

/** @throws NotFound in the words of the kind that was asked for. */
export async function mustLoad(
  parts: RegistryParts,
  kind: StoredKind,
  at: { readonly namespace: string; readonly name: string; readonly signal: AbortSignal },
): Promise<StoredObject> {
  const found = await parts.store.get(storeKey(kind.stored, at.namespace, at.name), { signal: at.signal });
  if (found === undefined) throw notFound(kind.asked, at.name);
  return found;
}

/** Stored bytes as the version that was asked for: the same bytes where that is the stored version. */
export function present(
  parts: RegistryParts,
  kind: StoredKind,
  stored: { readonly bytes: Buffer; readonly revision: number },
): ObjectBytes {
  const bytes = parts.shared.of(stored.bytes, stored.revision);
  if (kind.asked === kind.stored) return bytes;
  return objectBytes(encodeObject(convert(bytes.object(), kind.asked)), stored.revision);
}

/** A copy of a stored object that may be changed, revision included. */
export function thaw(stored: { readonly bytes: Buffer; readonly revision: number }): ApiObject {
  const object = JSON.parse(stored.bytes.toString('utf8')) as ApiObject; // We encoded it from one.
  object.metadata.resourceVersion = String(stored.revision);
  return object;
}

/** @throws BadRequest for what is no revision. Undefined for '' and '0', which mean any. */
export function parseRevision(text: string | undefined): number | undefined {
  if (text === undefined || text === '' || text === '0') return undefined;
  const revision = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(revision)) {
    throw new AmphoraError(
      'BadRequest',
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return revision;
}

/** @throws Timeout when the store has not got there: a client that asks for the future waits and tries again. */
export function checkNotFuture(asked: number, newest: number): void {
  if (asked <= newest) return;
  throw new AmphoraError('Timeout', `Too large resource version: ${asked}, current: ${newest}`, {
    retryAfterSeconds: 1,
    details: [{ reason: 'ResourceVersionTooLarge', field: '', message: 'Too large resource version' }],
  });
}
