import type { ApiObject } from '../api/kind.ts';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { encodeObject } from './object-bytes.ts';

/**
 * The bytes to store. An object that only its owners make too large is stored without them, as upstream does, but not
 * one that was applied. @throws TooLarge
 */
export function encodeBounded(
  object: ApiObject,
  { ownership }: { readonly ownership: 'made' | 'kept' | undefined },
): Buffer {
  let bytes = encodeObject(object);
  if (
    bytes.length > LIMITS.objectBytes &&
    ownership !== 'made' &&
    object.metadata.managedFields !== undefined
  ) {
    delete object.metadata.managedFields;
    bytes = encodeObject(object);
  }
  if (bytes.length > LIMITS.objectBytes)
    throw new AmphoraError(
      'TooLarge',
      `the object has ${bytes.length} bytes and the limit is ${LIMITS.objectBytes}: make it smaller or split it`,
    );
  return bytes;
}
