import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Change, StoreKey } from './store.ts';

/** Throws unless the change was made from what is there now. @param found the object's revision, 0 for none */
export function checkExpected({ key, expected }: Change, found: number): void {
  if (expected !== undefined && found !== expected) throw conflict(key, expected, found);
}

/** @throws TooLarge */
export function checkSizes(changes: readonly Change[]): void {
  const large = changes.find(({ bytes }) => bytes !== undefined && bytes.length > LIMITS.objectBytes);
  if (large === undefined) return;
  const { key, bytes } = large;
  throw new AmphoraError(
    'TooLarge',
    `${nameOf(key)} has ${bytes?.length} bytes, and the store takes ${LIMITS.objectBytes}: make it smaller, or two of it`,
  );
}

function nameOf(key: StoreKey): string {
  return `${key.resource} ${[key.namespace, key.name].filter((part) => part !== '').join('/')}`;
}

function conflict(key: StoreKey, expected: number, found: number): AmphoraError {
  const name = nameOf(key);
  if (expected === 0) return new AmphoraError('Conflict', `${name} exists already`);
  return new AmphoraError('Conflict', `${name} is at revision ${found}, not ${expected}: read it again`);
}

export function expired(revision: number, oldest: number): AmphoraError {
  return new AmphoraError(
    'Expired',
    `The provided resource version is too old: ${revision} (oldest kept: ${oldest})`,
  );
}
