import { AmphoraError } from '../lib/errors.ts';

/** Where a list goes on: the revision it is read at and the last key that was sent. */
export interface ContinueToken {
  /** Undefined: the newest, whatever that is when the list goes on; such a list is not consistent. */
  readonly revision: number | undefined;
  readonly namespace: string;
  readonly name: string;
}

const NEWEST = -1;

export function encodeContinue(token: ContinueToken): string {
  return Buffer.from(JSON.stringify([1, token.revision ?? NEWEST, token.namespace, token.name])).toString(
    'base64url',
  );
}

/** @throws BadRequest */
export function decodeContinue(text: string): ContinueToken {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (Array.isArray(parts) && parts.length === 4) {
      const [format, revision, namespace, name]: unknown[] = parts;
      if (
        format === 1 &&
        Number.isSafeInteger(revision) &&
        Number(revision) >= NEWEST &&
        typeof namespace === 'string' &&
        typeof name === 'string'
      )
        return { revision: revision === NEWEST ? undefined : Number(revision), namespace, name };
    }
  } catch {
    // Falls through to the one answer for everything that is no token of ours.
  }
  throw notOurs();
}

export function notOurs(): AmphoraError {
  return new AmphoraError('BadRequest', 'continue key is not valid: start the list again without it');
}
