import type { Kind } from '../api/kind.ts';
import { qualifiedResource } from '../api/kind.ts';
import { AmphoraError, type ErrorDetail } from '../lib/errors.ts';

/** The errors of the registry in upstream's words (apimachinery `pkg/api/errors`). */

export function notFound(kind: Kind, name: string): AmphoraError {
  return new AmphoraError('NotFound', `${qualifiedResource(kind)} ${JSON.stringify(name)} not found`, {
    about: aboutResource(kind, name),
  });
}

export function alreadyExists(kind: Kind, name: string): AmphoraError {
  return new AmphoraError(
    'AlreadyExists',
    `${qualifiedResource(kind)} ${JSON.stringify(name)} already exists`,
    { about: aboutResource(kind, name) },
  );
}

export function conflict(kind: Kind, name: string, why: string): AmphoraError {
  return new AmphoraError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualifiedResource(kind)} ${JSON.stringify(name)}: ${why}`,
    { about: aboutResource(kind, name) },
  );
}

export const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

/** Throws when there are details. */
export function throwIfInvalid(kind: Kind, name: string, details: readonly ErrorDetail[]): void {
  if (details.length === 0) return;
  const lines = details.map((detail) => `${detail.field}: ${detail.message}`);
  const all = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  const qualified = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  throw new AmphoraError('Invalid', `${qualified} ${JSON.stringify(name)} is invalid: ${all}`, {
    about: { group: kind.group, kind: kind.kind, name },
    details,
  });
}

function aboutResource(kind: Kind, name: string) {
  return { group: kind.group, kind: kind.resource, name };
}

const SHOWN_PATCH = 1000;

/** What a patch made, or the patch itself, cannot be decoded: in the words of upstream, which names no kind here. */
export function invalidPatch(value: unknown, why: string): AmphoraError {
  const text = JSON.stringify(value) ?? '';
  const shown = JSON.stringify(text.length > SHOWN_PATCH ? `${text.slice(0, SHOWN_PATCH)}…` : text);
  const message = `Invalid value: ${shown}: ${why}`;
  return new AmphoraError('Invalid', ` "" is invalid: patch: ${message}`, {
    details: [{ reason: 'FieldValueInvalid', field: 'patch', message }],
  });
}
